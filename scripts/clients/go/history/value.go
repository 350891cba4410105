package history

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

const (
	header  = 16
	trailer = 4
)

var errValue = errors.New("not a value of this test, or its checksum is wrong")

// Value builds the record that a lane sends at a sequence: who, where, which, some filler, and a checksum over it all.
// The filler's length (0 to 999 bytes) and content follow from the rest.
func Value(lane Lane, sequence int64) []byte {
	mixed := uint64(sequence)*0x9e3779b97f4a7c15 + uint64(lane.Producer)<<32 + uint64(lane.Partition)
	mixed ^= mixed >> 29
	value := make([]byte, header+mixed%1000+trailer)
	binary.BigEndian.PutUint32(value[0:], uint32(lane.Producer))
	binary.BigEndian.PutUint32(value[4:], uint32(lane.Partition))
	binary.BigEndian.PutUint64(value[8:], uint64(sequence))
	body := len(value) - trailer
	for i := header; i < body; i++ {
		mixed = mixed*6364136223846793005 + 1442695040888963407
		value[i] = byte(mixed >> 56)
	}
	binary.BigEndian.PutUint32(value[body:], crc32.ChecksumIEEE(value[:body]))
	return value
}

// ParseValue is the inverse of Value.
func ParseValue(value []byte) (Lane, int64, error) {
	body := len(value) - trailer
	if body < header || crc32.ChecksumIEEE(value[:body]) != binary.BigEndian.Uint32(value[body:]) {
		return Lane{}, 0, errValue
	}
	lane := Lane{int32(binary.BigEndian.Uint32(value[0:])), int32(binary.BigEndian.Uint32(value[4:]))}
	return lane, int64(binary.BigEndian.Uint64(value[8:])), nil
}
