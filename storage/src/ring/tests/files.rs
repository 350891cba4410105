use std::path::PathBuf;

use super::*;
use crate::extent::{ExtentSlice, ExtentWriter};

const READ_WRITE: FileOptions = FileOptions {
    read: true,
    write: true,
    create: true,
    create_new: false,
    direct: false,
};
const DIRECT: FileOptions = FileOptions {
    direct: true,
    ..READ_WRITE
};

// Beside the build's output: the temporary directory may be in memory, without direct I/O.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap()
}

fn filled(pool: &ExtentPool, byte: u8, len: usize) -> ExtentWriter {
    let mut extent = pool.allocate(len);
    extent.append(&vec![byte; len]);
    extent
}

#[test]
fn direct_writes_gather_extents_and_read_back() {
    with_every_fallback(|ring| {
        let directory = directory();
        let (pool, path) = (pool(), directory.path().join("direct"));
        block_on(&ring, async {
            let file = ring.open(&path, DIRECT).await.unwrap();
            ring.allocate(&file, 0, 1 << 20).await.unwrap();
            let mut tail = filled(&pool, 3, 5000);
            tail.zero_page_tail();
            let data = vec![
                filled(&pool, 1, 4096).freeze(),
                filled(&pool, 2, 65_536).freeze(),
                tail.padded_slice(0..5000),
            ];
            ring.write_at(&file, data, 8192, WriteSync::Data)
                .await
                .unwrap();
            let read = ring
                .read_at(&file, pool.allocate(1 << 17), 1 << 17, 0)
                .await
                .unwrap();
            let bytes = read.as_slice();
            assert_eq!(bytes.len(), 1 << 17);
            assert!(bytes[..8192].iter().all(|b| *b == 0));
            assert!(bytes[8192..12_288].iter().all(|b| *b == 1));
            assert!(bytes[12_288..77_824].iter().all(|b| *b == 2));
            assert!(bytes[77_824..82_824].iter().all(|b| *b == 3));
            assert!(bytes[82_824..86_016].iter().all(|b| *b == 0));
            ring.sync_data(&file).await.unwrap();
            ring.sync_all(&file).await.unwrap();
            assert_eq!(ring.file_len(&file).unwrap(), 1 << 20);
        });
    });
}

#[test]
fn reads_end_with_the_file() {
    with_every_fallback(|ring| {
        let directory = directory();
        let (pool, path) = (pool(), directory.path().join("short"));
        block_on(&ring, async {
            let file = ring.open(&path, READ_WRITE).await.unwrap();
            let data = vec![filled(&pool, 9, 6000).freeze()];
            ring.write_at(&file, data, 0, WriteSync::None)
                .await
                .unwrap();
            let read = ring
                .read_at(&file, pool.allocate(8192), 8192, 100)
                .await
                .unwrap();
            assert_eq!(read.len(), 5900);
            let direct = ring.open(&path, DIRECT).await.unwrap();
            let read = ring
                .read_at(&direct, pool.allocate(16_384), 16_384, 0)
                .await
                .unwrap();
            assert_eq!(read.as_slice(), vec![9; 6000]);
            let read = ring
                .read_at(&direct, pool.allocate(4096), 4096, 8192)
                .await
                .unwrap();
            assert!(read.is_empty());
        });
    });
}

#[test]
fn more_slices_than_one_operation_takes_are_all_written() {
    with_every_fallback(|ring| {
        let directory = directory();
        let (pool, path) = (pool(), directory.path().join("many"));
        block_on(&ring, async {
            let file = ring.open(&path, READ_WRITE).await.unwrap();
            let mut expected = Vec::new();
            let slices: Vec<ExtentSlice> = (0..3000_usize)
                .map(|i| {
                    let byte = (i % 251) as u8;
                    expected.extend(vec![byte; 1 + i % 7]);
                    filled(&pool, byte, 1 + i % 7).freeze()
                })
                .collect();
            ring.write_at(&file, slices, 0, WriteSync::None)
                .await
                .unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), expected);
        });
    });
}

#[test]
fn names_are_made_changed_and_removed() {
    with_every_fallback(|ring| {
        let directory = directory();
        let at = |name: &str| -> PathBuf { directory.path().join(name) };
        block_on(&ring, async {
            ring.make_dir(&at("a")).await.unwrap();
            let again = ring.make_dir(&at("a")).await.unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
            let new = FileOptions {
                create_new: true,
                ..READ_WRITE
            };
            let file = ring.open(&at("a/x"), new).await.unwrap();
            assert_eq!(
                ring.open(&at("a/x"), new).await.unwrap_err().kind(),
                io::ErrorKind::AlreadyExists
            );
            ring.truncate(&file, 12_345).await.unwrap();
            assert_eq!(ring.file_len(&file).unwrap(), 12_345);
            ring.rename(&at("a"), &at("b")).await.unwrap();
            ring.sync_dir(directory.path()).await.unwrap();
            assert!(ring.remove_dir(&at("b")).await.is_err());
            ring.unlink(&at("b/x")).await.unwrap();
            ring.remove_dir(&at("b")).await.unwrap();
            let gone = ring
                .open(
                    &at("b/x"),
                    FileOptions {
                        read: true,
                        ..Default::default()
                    },
                )
                .await;
            assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
        });
    });
}

#[test]
#[should_panic(expected = "direct I/O of 100 bytes")]
fn direct_writes_of_part_of_a_page_are_refused() {
    let directory = directory();
    let (ring, pool) = (ring(Fallback::NONE), pool());
    block_on(&ring, async {
        let file = ring
            .open(&directory.path().join("x"), DIRECT)
            .await
            .unwrap();
        let data = vec![filled(&pool, 1, 100).freeze()];
        let _result = ring.write_at(&file, data, 0, WriteSync::None).await;
    });
}

#[test]
fn many_operations_at_once_exceed_the_submission_queue_and_all_complete() {
    with_every_fallback(|ring| {
        let directory = directory();
        let (pool, path) = (pool(), directory.path().join("deep"));
        let handle = ring.clone();
        block_on(&ring, async move {
            let file = handle.open(&path, DIRECT).await.unwrap();
            let writes: Vec<_> = (0..500_u64)
                .map(|i| {
                    let (ring, file) = (handle.clone(), file.clone());
                    let data = vec![filled(&pool, (i % 256) as u8, 4096).freeze()];
                    crate::tasks::spawn(async move {
                        ring.write_at(&file, data, i * 4096, WriteSync::None).await
                    })
                })
                .collect();
            for write in writes {
                write.await.unwrap();
            }
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(bytes.len(), 500 * 4096);
            assert!(
                bytes
                    .chunks(4096)
                    .enumerate()
                    .all(|(i, page)| page == [(i % 256) as u8; 4096])
            );
        });
    });
}
