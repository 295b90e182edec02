#pragma once
// Text files as editors of every system save them.
//
//   const std::string text = without_byte_order_mark(read_file("classes.txt"));
//   if (!is_utf8(text)) ...   // it ends up in JSON and in ONNX, which are UTF-8

#include <string>
#include <string_view>

namespace vitrail {

/// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. Plain ASCII
/// is.
bool is_utf8(std::string_view text);

/// `text` without the three bytes EF BB BF with which some editors begin a UTF-8 file.
std::string without_byte_order_mark(std::string text);

}  // namespace vitrail
