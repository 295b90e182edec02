#pragma once
// What a program gives up, step by step, to fit a budget of memory.

#include <cstdint>

namespace vitrail::engine_detail {

enum class Thrift {
  none,           ///< as fast as can be
  small_tiles,    ///< Winograd's tiles are done a few at a time
  no_transforms,  ///< no Winograd: its weights are four times as large
  long_strips,    ///< convolutions run row by row wherever they can, so that few maps are stored
};
constexpr Thrift all_thrifts[] = {Thrift::none, Thrift::small_tiles, Thrift::no_transforms,
                                  Thrift::long_strips};

}  // namespace vitrail::engine_detail
