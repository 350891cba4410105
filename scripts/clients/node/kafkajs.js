// kafkajs: `node kafkajs.js BOOTSTRAP [groups|transactions|admin]`.
// kafkajs can only consume as a group member, so the reading by assignment uses its own cluster and broker objects, which is
// what its consumer does under the group: find the leader, fetch, decode, drop what lies before the offset.
'use strict'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const assert = require('node:assert')
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs')
const Batch = require('kafkajs/src/consumer/batch')
const lz4 = require('lz4-napi')
const snappy = require('snappyjs')
const zstd = require('@bokuweb/zstd-wasm')
const { readCommitted } = require('./committed')
const { main, PATIENCE } = require('./scenario')

// kafkajs brings gzip and leaves the others to packages. Java's snappy framing is read, plain snappy is written.
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const unsnappy = buffer => {
  if (!buffer.subarray(0, 8).equals(XERIAL)) return Buffer.from(snappy.uncompress(buffer))
  const blocks = []
  for (let at = 16; at < buffer.length; ) {
    const size = buffer.readUInt32BE(at)
    blocks.push(Buffer.from(snappy.uncompress(buffer.subarray(at + 4, at + 4 + size))))
    at += 4 + size
  }
  return Buffer.concat(blocks)
}
const codec = (compress, decompress) => () => ({
  compress: async encoder => Buffer.from(compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(decompress(buffer)),
})
CompressionCodecs[CompressionTypes.Snappy] = codec(snappy.compress, unsnappy)
CompressionCodecs[CompressionTypes.LZ4] = codec(lz4.compressFrameSync, lz4.decompressFrameSync)
CompressionCodecs[CompressionTypes.ZSTD] = codec(zstd.compress, zstd.decompress)
const CODECS = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }

const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'kafkajs', logLevel: logLevel.NOTHING })

async function withAdmin(ask) {
  const admin = kafka.admin()
  await admin.connect()
  const answer = await ask(admin)
  await admin.disconnect()
  return answer
}

async function create(topic, partitions) {
  assert(await withAdmin(admin => admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })), 'exists already')
}

async function produce(topic, name, sent) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = sent.map(r => ({ ...r, headers: byName(r.headers), timestamp: String(r.time) }))
  await producer.send({ topic, acks: -1, compression: CompressionTypes[CODECS[name]], messages })
  await producer.disconnect()
}

function byName(headers) {
  const named = {}
  for (const [name, value] of headers) named[name] = name in named ? [named[name], value].flat() : value
  return named
}

const listed = headers => Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => [name, value]))

async function read(topic, starts, count) {
  const createCluster = Object.getOwnPropertySymbols(kafka).find(symbol => symbol.description === 'private:Kafka:createCluster')
  const cluster = kafka[createCluster]({ isolationLevel: 0 })
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const positions = new Map(Object.entries(starts).map(([partition, offset]) => [Number(partition), offset]))
  const leaders = cluster.findLeaderForPartitions(topic, [...positions.keys()])
  const read = []
  const deadline = Date.now() + PATIENCE
  while (read.length < count && Date.now() < deadline) {
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      const broker = await cluster.findBroker({ nodeId })
      const wanted = partitions.map(partition => ({ partition, fetchOffset: String(positions.get(partition)), maxBytes: 1048576 }))
      const answer = await broker.fetch({ replicaId: -1, isolationLevel: 0, maxWaitTime: 500, topics: [{ topic, partitions: wanted }] })
      for (const partitionData of answer.responses.flatMap(response => response.partitions)) {
        const partition = partitionData.partition
        const batch = new Batch(topic, String(positions.get(partition)), partitionData)
        for (const m of batch.messages) {
          const [offset, time] = [Number(m.offset), Number(m.timestamp)]
          read.push({ partition, offset, key: m.key, value: m.value, headers: listed(m.headers), time })
          positions.set(partition, offset + 1)
        }
      }
    }
  }
  await cluster.disconnect()
  return read
}

async function offsetAt(topic, partition, time) {
  const found = await withAdmin(admin => admin.fetchTopicOffsetsByTimestamp(topic, time))
  return Number(found.find(entry => entry.partition === partition).offset)
}

async function join(group, topic, take) {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10000, heartbeatInterval: 300, rebalanceTimeout: 10000, maxWaitTimeInMs: 500 })
  let has = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { has = payload.memberAssignment[topic] || [] })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async ({ partition, message }) => take(partition, Number(message.offset)) })
  return {
    assignment: () => has,
    commit: offset => consumer.commitOffsets(has.map(partition => ({ topic, partition, offset: String(offset) }))),
    seek: (partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    close: () => consumer.disconnect(),
  }
}

async function committed(group, topic) {
  const [found] = await withAdmin(admin => admin.fetchOffsets({ groupId: group, topics: [topic] }))
  return found.partitions.map(p => Number(p.offset))
}

async function transact({ id, source, topic, group, values, isCommitted }) {
  const producer = kafka.producer({ transactionalId: id, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const [number, some] of values.entries()) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: some.map(value => ({ value })) })
    const topics = [{ topic: source, partitions: [{ partition: 0, offset: String(number + 1) }] }]
    await transaction.sendOffsets({ consumerGroupId: group, topics })
    await (isCommitted(number) ? transaction.commit() : transaction.abort())
  }
  await producer.disconnect()
}

const admin = {
  topics: () => withAdmin(admin => admin.listTopics()),
  partitionCount: topic => withAdmin(async admin => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length),
  setting: (topic, name) => withAdmin(async admin => {
    const { resources } = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }] })
    return resources[0].configEntries[0].configValue
  }),
  alter: (topic, name, value) => withAdmin(admin => admin.alterConfigs({
    validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }],
  })),
  addPartitions: (topic, count) => withAdmin(admin => admin.createPartitions({ topicPartitions: [{ topic, count }] })),
  deleteRecords: (topic, partition, offset) => withAdmin(async admin => {
    await admin.fetchTopicOffsets(topic) // without, it does not know the leader
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
  }),
  groups: () => withAdmin(async admin => (await admin.listGroups()).groups.map(group => group.groupId)),
  memberCount: group => withAdmin(async admin => {
    const [described] = (await admin.describeGroups([group])).groups
    return described.state === 'Stable' ? described.members.length : 0
  }),
  deleteGroup: group => withAdmin(admin => admin.deleteGroups([group])),
  deleteTopic: topic => withAdmin(admin => admin.deleteTopics({ topics: [topic] })),
}

// Behind the last record kafkajs itself puts the end of the partition in place of "none".
const ofNoOffset = end => end

zstd.init().then(() => main('kafkajs', {
  codecs: Object.keys(CODECS), lateFetchMs: 0, ofNoOffset,
  create, produce, read, offsetAt, join, committed, transact, readCommitted, admin,
}))
