// @platformatic/kafka: `node platformatic.mjs BOOTSTRAP [groups|transactions|admin]`. Its consumer leaves out one aborted transaction
// of a producer and not the others, with Apache Kafka too, so another client reads what it has committed.
// It takes zstd from Node, which has it since version 22.15.
import zlib from 'node:zlib'
import { Admin, ConfigResourceTypes, Consumer, IncrementalAlterConfigOperationTypes, MessagesStreamFallbackModes, MessagesStreamModes, ProduceAcks, Producer } from '@platformatic/kafka'
import { readCommitted } from './committed.js'
import scenario from './scenario.js'

const MAX_WAIT = 500
const base = { clientId: 'platformatic', bootstrapBrokers: [process.argv[2]], retries: 5 }

async function using(client, ask) {
  try {
    return await ask(client)
  } finally {
    await (client instanceof Consumer ? client.close(true) : client.close()) // a consumer's true: with its streams
  }
}

const create = (topic, partitions) => using(new Admin(base), admin => admin.createTopics({ topics: [topic], partitions, replicas: 1 }))

async function produce(topic, compression, sent) {
  const messages = sent.map(({ partition, key, value, headers, time }) => ({
    topic, partition, key: key ?? undefined, value: value ?? undefined, timestamp: BigInt(time),
    headers: new Map(headers.map(([name, bytes]) => [Buffer.from(name), bytes])),
  }))
  await using(new Producer({ ...base, idempotent: true }), producer => producer.send({ messages, compression, acks: ProduceAcks.ALL }))
}

const newConsumer = (groupId, options) => new Consumer({
  ...base, groupId, sessionTimeout: 10000, rebalanceTimeout: 10000, heartbeatInterval: 300, maxWaitTime: MAX_WAIT, autocommit: false, ...options,
})

// What came of a topic until there are as many records, or nothing more comes.
async function collect(stream, count) {
  const messages = []
  stream.on('data', message => messages.push(message))
  const deadline = Date.now() + scenario.PATIENCE
  while (messages.length < count && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
  await new Promise(resolve => setTimeout(resolve, 200)) // for what must not come
  await stream.close()
  return messages
}

// It consumes in groups only; the partitions that are not asked for are read from their end.
async function read(topic, starts, count) {
  const offsets = Object.entries(starts).map(([partition, offset]) => ({ topic, partition: Number(partition), offset: BigInt(offset) }))
  const options = { topics: [topic], mode: MessagesStreamModes.MANUAL, offsets, fallbackMode: MessagesStreamFallbackModes.LATEST }
  return using(newConsumer(`${topic}-reader-${Math.random()}`), async consumer => {
    const messages = await collect(await consumer.consume(options), count)
    return messages.map(({ partition, offset, key, value, headers, timestamp }) => ({
      partition, offset: Number(offset), key: key ?? null, value: value ?? null,
      headers: [...headers].map(([name, bytes]) => [name.toString(), bytes ?? Buffer.alloc(0)]), time: Number(timestamp),
    }))
  })
}

const offsetAt = (topic, partition, time) => using(newConsumer('no-group'), async consumer => {
  const found = await consumer.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp: BigInt(time) })
  return Number(found.get(topic)[partition])
})

async function join(group, topic, take) {
  const consumer = newConsumer(group)
  const assignment = () => (consumer.assignments ?? []).filter(assigned => assigned.topic === topic).flatMap(assigned => assigned.partitions)
  let stream
  const open = async options => {
    stream = await consumer.consume({ topics: [topic], ...options })
    stream.on('data', message => take(message.partition, Number(message.offset)))
    stream.on('error', () => {}) // a rebalance in the middle of a request is no failure
  }
  await open({ mode: MessagesStreamModes.COMMITTED, fallbackMode: MessagesStreamFallbackModes.EARLIEST })
  return {
    assignment,
    commit: offset => consumer.commit({ offsets: assignment().map(partition => ({ topic, partition, offset: BigInt(offset), leaderEpoch: -1 })) }),
    // its streams do not seek: another one begins where it is told to
    seek: async (partition, offset) => {
      await stream.close()
      await open({ mode: MessagesStreamModes.MANUAL, offsets: [{ topic, partition, offset: BigInt(offset) }], fallbackMode: MessagesStreamFallbackModes.LATEST })
    },
    close: () => consumer.close(true),
  }
}

const committed = (groupId, topic) => using(new Admin(base), async admin => {
  const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
  const found = group.topics.find(described => described.name === topic)
  return found.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(partition => Number(partition.committedOffset))
})

// Its transactions commit the offsets of messages that a member has read.
async function transact({ id, source, topic, group, values, isCommitted }) {
  const options = { topics: [source], mode: MessagesStreamModes.COMMITTED, fallbackMode: MessagesStreamFallbackModes.EARLIEST }
  await using(newConsumer(group), async consumer => {
    const read = await collect(await consumer.consume(options), values.length)
    await using(new Producer({ ...base, idempotent: true, transactionalId: id }), async producer => {
      for (const [number, some] of values.entries()) {
        const transaction = await producer.beginTransaction()
        await transaction.send({ messages: some.map(value => ({ topic, value: Buffer.from(value) })), acks: ProduceAcks.ALL })
        await transaction.addConsumer(consumer)
        await transaction.addOffset(read[number])
        await (isCommitted(number) ? transaction.commit() : transaction.abort())
      }
    })
  })
}

const withAdmin = ask => using(new Admin(base), ask)
const ofTopic = (topic, more) => ({ resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, ...more }] })
const admin = {
  topics: () => withAdmin(admin => admin.listTopics()),
  partitionCount: topic => withAdmin(async admin => (await admin.metadata({ topics: [topic] })).topics.get(topic).partitionsCount),
  setting: (topic, name) => withAdmin(async admin => (await admin.describeConfigs(ofTopic(topic, { configurationKeys: [name] })))[0].configs[0].value),
  alter: (topic, name, value) => withAdmin(admin => admin.incrementalAlterConfigs(
    ofTopic(topic, { configs: [{ name, value, configOperation: IncrementalAlterConfigOperationTypes.SET }] }))),
  addPartitions: (topic, count) => withAdmin(admin => admin.createPartitions({ topics: [{ name: topic, count }] })),
  deleteRecords: (topic, partition, offset) => withAdmin(admin => admin.deleteRecords({
    topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }],
  })),
  groups: () => withAdmin(async admin => [...(await admin.listGroups()).keys()]),
  memberCount: group => withAdmin(async admin => {
    const described = (await admin.describeGroups({ groups: [group] })).get(group)
    return described.state === 'STABLE' ? described.members.size : 0
  }),
  deleteGroup: group => withAdmin(admin => admin.deleteGroups({ groups: [group] })),
  deleteTopic: topic => withAdmin(admin => admin.deleteTopics({ topics: [topic] })),
}

const codecs = ['none', 'gzip', 'snappy', 'lz4', ...(zlib.zstdCompressSync ? ['zstd'] : [])]
const ofNoOffset = () => -1
const lateFetchMs = 2 * MAX_WAIT // a fetch that is under way when a rebalance begins is still delivered
scenario.main('platformatic', { codecs, lateFetchMs, ofNoOffset, create, produce, read, offsetAt, join, committed, transact, readCommitted, admin })
