// kafkajs: ten transactions, every third one aborted, with the offsets of a group: `node transactions.js BOOTSTRAP`.
const { Kafka, logLevel } = require("kafkajs");
const crypto = require("crypto");

const ROUNDS = 10;
const isCommitted = (number) => number % 3 !== 2;

async function main() {
  const unique = crypto.randomUUID();
  const [topic, group] = [`transactions-${unique}`, `group-${unique}`];
  const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  const producer = kafka.producer({ transactionalId: `id-${unique}`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (let number = 0; number < ROUNDS; number++) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: `${number}-0` }, { value: `${number}-1` }] });
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset: `${number}` }] }] });
    await (isCommitted(number) ? transaction.commit() : transaction.abort());
  }
  await producer.disconnect();
  const wanted = [];
  for (let number = 0; number < ROUNDS; number++) {
    if (isCommitted(number)) wanted.push(`${number}-0`, `${number}-1`);
  }
  let offset = "";
  for (const deadline = Date.now() + 10000; offset !== `${ROUNDS - 1}` && Date.now() < deadline; ) {
    offset = (await admin.fetchOffsets({ groupId: group, topics: [topic] }))[0].partitions[0].offset;
  }
  if (offset !== `${ROUNDS - 1}`) throw new Error(`offset ${offset}`);
  const found = await readCommitted(kafka, topic, `reader-${unique}`, wanted.length);
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${found} instead of ${wanted}`);
  await admin.disconnect();
  console.log("kafkajs-transactions: 2 passed, 0 failed");
}

async function readCommitted(kafka, topic, groupId, count) {
  const consumer = kafka.consumer({ groupId, readUncommitted: false });
  const found = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`only ${found.length} records came`)), 60000).unref();
    consumer.run({ eachMessage: async ({ message }) => { if (found.push(message.value.toString()) === count) setTimeout(resolve, 500); } });
  });
  await consumer.disconnect();
  return found;
}

main().then(() => process.exit(0), (error) => { console.log(`FAIL kafkajs-transactions: ${error.stack}`); process.exit(1); });
