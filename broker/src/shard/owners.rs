//! One question about many partitions: one message to each owning shard. Shell.

use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use crate::partition::table::PartitionId;
use crate::shard::Shard;

/// Partitions looked at in a row before other tasks of the core have their turn.
const ASKED_IN_A_ROW: usize = 128;

/// Has `look` answer each question on the shard that owns its partition, all owners at a time; the
/// answers come in the order of the questions.
pub(crate) async fn ask_owners<Q, R, F, Fut>(
    shard: &Rc<Shard>,
    questions: Vec<(PartitionId, Q)>,
    look: F,
) -> Vec<R>
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Fn(Rc<Shard>, PartitionId, Q) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = R> + 'static,
{
    let mut by_owner: BTreeMap<usize, Vec<(usize, PartitionId, Q)>> = BTreeMap::new();
    for (place, (id, question)) in questions.into_iter().enumerate() {
        by_owner
            .entry(shard.owner_of(id))
            .or_default()
            .push((place, id, question));
    }
    let here = by_owner.remove(&shard.index);
    let mut replies = Vec::with_capacity(by_owner.len());
    for (owner, questions) in by_owner {
        let look = look.clone();
        let call = move |owner: Rc<Shard>| look_at_all(owner, questions, look);
        replies.push(shard.mailbox.send(owner, call).await);
    }
    let mut answers = look_at_all(Rc::clone(shard), here.unwrap_or_default(), look).await;
    for reply in replies {
        answers.append(&mut reply.await);
    }
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Runs on the owner.
async fn look_at_all<Q, R, F, Fut>(
    shard: Rc<Shard>,
    questions: Vec<(usize, PartitionId, Q)>,
    look: F,
) -> Vec<(usize, R)>
where
    F: Fn(Rc<Shard>, PartitionId, Q) -> Fut,
    Fut: Future<Output = R>,
{
    let mut answers = Vec::with_capacity(questions.len());
    for (number, (place, id, question)) in questions.into_iter().enumerate() {
        if number % ASKED_IN_A_ROW == ASKED_IN_A_ROW - 1 {
            storage::tasks::yield_now().await;
        }
        answers.push((place, look(Rc::clone(&shard), id, question).await));
    }
    answers
}
