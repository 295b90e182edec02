#include "vitrail/engine/steps/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "vitrail/base/checked.h"
#include "vitrail/engine/steps/walk.h"

namespace vitrail::engine_detail {
namespace {

// Rows that lie together in the source too.
void copy_rows(const StridedCopy& copy, const Walk& walk, const std::byte* from, std::byte* to) {
  const int64_t bytes = copy.element_bytes;
  walk.run(elements_worth_a_thread, [&](int64_t at, const Walk::Offsets& offsets, int64_t count) {
    std::memcpy(to + at * bytes, from + (copy.base + offsets[0]) * bytes, static_cast<size_t>(count * bytes));
  });
}

template <class T>
void gather_rows(const StridedCopy& copy, const Walk& walk, const std::byte* from, std::byte* to) {
  const T* source = reinterpret_cast<const T*>(from) + copy.base;
  T* target = reinterpret_cast<T*>(to);
  const int64_t step = walk.step(0);
  walk.run(elements_worth_a_thread, [&](int64_t at, const Walk::Offsets& offsets, int64_t count) {
    const T* row = source + offsets[0];
    if (step == 0)
      std::fill_n(target + at, count, *row);
    else
      for (int64_t i = 0; i < count; ++i)
        target[at + i] = row[i * step];
  });
}

// The dimension whose neighbours lie side by side in the source; the last one (rows) if there is none.
size_t contiguous_dimension(const Walk& walk) {
  size_t found = walk.sizes().size() - 1;
  for (size_t d = 0; d < walk.sizes().size(); ++d)
    if (walk.strides(0)[d] == 1 && walk.sizes()[d] > 1) found = d;
  return found;
}

// Rows of the result are columns of the source: square blocks of both stay in the cache.
template <class T>
void transpose(const StridedCopy& copy, const Walk& walk, size_t column, const std::byte* from,
               std::byte* to) {
  constexpr int64_t block = 16, tile = 64;
  const T* source = reinterpret_cast<const T*>(from) + copy.base;
  T* target = reinterpret_cast<T*>(to);
  const std::vector<int64_t>&sizes = walk.sizes(), &strides = walk.strides(0);
  const size_t last = sizes.size() - 1;
  const int64_t rows = sizes[column], columns = sizes[last], step = strides[last];
  int64_t distance = 1;  // of the result's rows
  for (size_t d = column + 1; d <= last; ++d)
    distance *= sizes[d];
  const int64_t row_tiles = ceil_div(rows, tile), column_tiles = ceil_div(columns, tile);
  const int64_t planes = walk.count() / (rows * columns);
  parallel_for(
      planes * row_tiles * column_tiles, ceil_div(elements_worth_a_thread, tile * tile), [&](int64_t index) {
        int64_t plane = index / (row_tiles * column_tiles), at = 0, source_at = 0, stride = 1;
        for (size_t d = last + 1; d-- > 0;) {  // where the plane begins on both sides
          if (d != last && d != column) {
            at += plane % sizes[d] * stride;
            source_at += plane % sizes[d] * strides[d];
            plane /= sizes[d];
          }
          stride *= sizes[d];
        }
        const int64_t y_begin = index / column_tiles % row_tiles * tile;
        const int64_t x_begin = index % column_tiles * tile;
        const int64_t y_end = std::min(y_begin + tile, rows), x_end = std::min(x_begin + tile, columns);
        for (int64_t y0 = y_begin; y0 < y_end; y0 += block)
          for (int64_t x = x_begin; x < x_end; ++x)
            for (int64_t y = y0; y < std::min(y0 + block, y_end); ++y)
              target[at + y * distance + x] = source[source_at + y + x * step];
      });
}

template <class T>
void run_as(const StridedCopy& copy, const std::byte* from, std::byte* to) {
  const Walk walk(copy.sizes, {copy.strides});
  if (walk.count() == 0) return;
  const size_t column = contiguous_dimension(walk), last = walk.sizes().size() - 1;
  if (walk.step(0) == 1)
    copy_rows(copy, walk, from, to);
  else if (column == last || walk.sizes()[column] < 4 || walk.step(0) == 0)
    gather_rows<T>(copy, walk, from, to);
  else
    transpose<T>(copy, walk, column, from, to);
}

}  // namespace

bool StridedCopy::is_plain() const {
  int64_t expected = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] != 1 && strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return base == 0;
}

StridedCopy simplified(const StridedCopy& copy) {
  const Walk walk(copy.sizes, {copy.strides});
  return {copy.element_bytes, copy.base, walk.sizes(), walk.strides(0)};
}

void run(const StridedCopy& copy, const std::byte* from, std::byte* to) {
  switch (copy.element_bytes) {
    case 1: return run_as<uint8_t>(copy, from, to);
    case 8: return run_as<uint64_t>(copy, from, to);
    default: return run_as<uint32_t>(copy, from, to);
  }
}

}  // namespace vitrail::engine_detail
