// Package history keeps what a node saw of its checks and how their verdicts
// were, on its own disk, for as long as 90 days. Nothing else rests on it: when
// it cannot be written or read, history is lost and nothing else.
//
// A check has one cell of 8 octets for each 10 seconds of the last 2 hours, each
// minute of the last 2 days, and each hour of the last 90 days:
//
//	720 + 2880 + 2160 = 5760 cells = 45 KiB of a check
//
// 64 checks share a page, a file of fixed size that is written in place:
// 64 KiB of names and 64 * 45 KiB, together 2.9 MiB. 10,000 checks are 157 pages, 461 MB;
// MaxChecks is 20,000, 922 MB. Checks beyond that have no history. The changes of verdicts, with
// their ballots, are two files of 16 MiB at most.
//
// Every 10 seconds each page writes the block of 2 minutes that the present slot is in, 6 KiB, and
// every minute those of an hour and a day, 30 and 12 KiB: for 10,000 checks 94 KB/s of writes to the page cache,
// 7.5 MiB of memory, and by BenchmarkTick 0.3 % of a core with 10,000 samples a second.
//
// Files are written without waiting for the disk. What a process wrote survives
// its death; a crash of the machine may lose the last half minute. A cell carries the turn of
// its ring, so that a stale one is told from a fresh one whatever was lost. A page whose
// names cannot be read is set aside and begun anew.
package history
