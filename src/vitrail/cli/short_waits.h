#pragma once
// How long the threads of a computing command wait awake for each other.
//
// A thread of GNU OpenMP that waits spins for about a millisecond before it sleeps. Where other programs want
// the cores too that uses up its share of them, and when its work comes it has to queue: a picture then takes
// twice as long, a step of training ten times (docs/guide.md, "Beside other programs"). With a short spin
// both keep their pace, and on an idle machine nothing changes.

namespace vitrail::cli {

/// Starts this program again with GOMP_SPINCOUNT=1000, which the OpenMP library reads only while it is
/// loaded. Returns, and does nothing, where the environment already says how threads wait (GOMP_SPINCOUNT or
/// OMP_WAIT_POLICY) or the program cannot be started again. `argv` is main's.
void wait_shortly(char** argv);

}  // namespace vitrail::cli
