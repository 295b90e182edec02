#pragma once
// What every function of the C interface does at its border: exceptions become statuses and text, structs of
// callers compiled against another version are read as far as they reach.

#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/capi/vitrail.h"

namespace vitrail::capi {

vitrail_status status_of(ErrorKind kind);

/// Fills `error`, as far as the caller's struct reaches, and returns `status`.
vitrail_status report(vitrail_error* error, vitrail_status status, std::string_view text) noexcept;

/// Runs `body`, and answers for whatever it throws.
template <class Body>
vitrail_status guarded(vitrail_error* error, const Body& body) noexcept {
  try {
    body();
    return report(error, VITRAIL_OK, "");
  } catch (const Error& fault) {
    return report(error, status_of(fault.kind()), fault.what());
  } catch (const std::bad_alloc&) {
    return report(error, VITRAIL_MEMORY, "out of memory");
  } catch (const std::exception& fault) {
    return report(error, VITRAIL_INTERNAL, fault.what());
  } catch (...) {
    return report(error, VITRAIL_INTERNAL, "an unknown exception");
  }
}

[[noreturn]] inline void refuse(const char* where, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::usage, {.where = where, .found = found, .allowed = allowed});
}

template <class T>
T* needed(T* pointer, const char* where, const char* what) {
  if (pointer == nullptr) refuse(where, cat(what, " is NULL"), "a pointer");
  return pointer;
}

/// The caller's struct, whose own `size` says how much of it there is: what it lacks is zero, and what it has
/// beyond ours must be zero, since we would not do what it asks.
template <class Struct>
Struct read_struct(const Struct* given, const char* where) {
  needed(given, where, "a struct");
  Struct known{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  constexpr size_t largest = 1 << 16;
  if (given->size < sizeof(size_t) || given->size > largest)
    refuse(where, cat("a struct of size ", given->size), "its _INIT value, which sets the size");
  std::memcpy(&known, bytes, std::min(given->size, sizeof known));
  for (size_t i = sizeof known; i < given->size; ++i)
    if (bytes[i] != 0)
      refuse(where, "a field that this version does not know", "zero there, or a newer libvitrail");
  known.size = sizeof known;
  return known;
}

/// The other way round: as much of `value` as the caller's struct has room for.
template <class Struct>
void write_struct(Struct* out, Struct value, const char* where) {
  needed(out, where, "a struct");
  const size_t size = out->size;
  if (size < sizeof(size_t))
    refuse(where, cat("a struct of size ", size), "its _INIT value, which sets the size");
  std::memcpy(out, &value, std::min(size, sizeof value));
  out->size = size;
}

}  // namespace vitrail::capi
