#pragma once
// Where the threads of a run lie. After a pause Linux may wake a worker on the very core of the thread that
// wakes it, though another is idle, and leave both there for 10 ms and more (seen on virtual machines of two
// cores): a network of 13 ms then takes 24.

namespace vitrail {

/// Sees to it that the workers of the calling thread's parallel regions start on cores of their own, where
/// the process may use as many; affinities are as before afterwards, and the caller itself is never moved.
/// Costs one empty parallel region. Returns how many workers were moved.
///
///   const ThreadScope scope(2);
///   spread_threads();
///   parallel_for(...);
int spread_threads();

}  // namespace vitrail
