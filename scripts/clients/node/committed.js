// What a reader of committed records finds in partition 0 of a topic. kafkajs reads, whichever client wrote.
'use strict'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const { Kafka, logLevel } = require('kafkajs')
const { PATIENCE } = require('./scenario')

const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'reader', logLevel: logLevel.NOTHING })

async function readCommitted(topic, count) {
  const consumer = kafka.consumer({ groupId: `${topic}-reader`, readUncommitted: false })
  const found = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => { found.push(message.value.toString()) } })
  const deadline = Date.now() + PATIENCE
  while (found.length < count && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
  await new Promise(resolve => setTimeout(resolve, 500)) // for what must not come
  await consumer.disconnect()
  return found
}

module.exports = { readCommitted }
