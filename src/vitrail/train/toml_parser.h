#pragma once
// toml++ for text that nobody has looked at. It asserts what its next lines then check and report, and a
// malformed key does not hold it: in a debug build it would abort the process, and under Clang without
// assertions the same line is a promise to the optimiser. Here neither happens, and the error is the
// parse_error that it should be.

#ifdef NDEBUG
#define VITRAIL_NDEBUG_WAS_SET
#undef NDEBUG
#endif
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>
#ifdef VITRAIL_NDEBUG_WAS_SET
#undef VITRAIL_NDEBUG_WAS_SET
#define NDEBUG
#endif
