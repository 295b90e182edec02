#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/limits.h"
#include "vitrail/image/plain_codecs.h"

namespace vitrail {
namespace {

[[noreturn]] void throw_damaged(const std::string& name, const std::string& what) {
  throw Error(
      ErrorKind::format,
      {.where = name, .found = cat("damaged PNM (", what, ")"), .next = "Copy or export the file again"});
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Takes numbers off the front of a text with blanks and `# comments`.
class NumberText {
 public:
  NumberText(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  int64_t number() {
    skip_blanks();
    if (text_.empty() || !is_digit(text_[0])) throw_damaged(name_, "a number is missing");
    int64_t value = 0;
    while (!text_.empty() && is_digit(text_[0])) {
      value = std::min<int64_t>(value * 10 + (text_[0] - '0'), int64_t{1} << 31);
      text_.remove_prefix(1);
    }
    return value;
  }

  // A bitmap's digits may stand without blanks between them.
  int64_t bit() {
    skip_blanks();
    if (text_.empty() || (text_[0] != '0' && text_[0] != '1')) throw_damaged(name_, "a bit is missing");
    const int64_t value = text_[0] - '0';
    text_.remove_prefix(1);
    return value;
  }

  std::string_view rest() const { return text_; }

 private:
  void skip_blanks() {
    while (!text_.empty() && (is_blank(text_[0]) || text_[0] == '#')) {
      const bool comment = text_[0] == '#';
      text_.remove_prefix(comment ? std::min(text_.find('\n'), text_.size()) : 1);
    }
  }

  std::string_view text_;
  const std::string& name_;
};

struct Pnm {
  int64_t height = 0;
  int64_t width = 0;
  int channels = 1;
  int64_t largest = 1;  ///< the value of white (of black for a bitmap)
  bool bitmap = false;  ///< 1 is black
  bool text = false;
  std::string_view data;  ///< what follows the header
};

Pnm read_header(std::string_view bytes, const std::string& name) {
  const char kind = bytes[1];
  Pnm pnm;
  pnm.bitmap = kind == '1' || kind == '4';
  pnm.text = kind <= '3';
  pnm.channels = kind == '3' || kind == '6' ? 3 : 1;
  NumberText header(bytes.substr(2), name);
  pnm.width = header.number();
  pnm.height = header.number();
  if (!pnm.bitmap) pnm.largest = header.number();
  if (pnm.largest < 1 || pnm.largest > 65535) throw_damaged(name, cat("largest value ", pnm.largest));
  pnm.data = header.rest();
  // One blank, no more, parts the header from bytes: a further one could be a pixel.
  if (pnm.data.empty() || !is_blank(pnm.data[0])) throw_damaged(name, "nothing after the header");
  pnm.data.remove_prefix(1);
  return pnm;
}

// Bytes of a row; of text, the fewest there can be (digits of a bitmap, digit and blank otherwise).
int64_t row_bytes(const Pnm& pnm) {
  const int64_t values = pnm.width * pnm.channels;
  if (pnm.text) return pnm.bitmap ? values : 2 * values - 1;
  if (pnm.bitmap) return (values + 7) / 8;
  return pnm.largest > 255 ? 2 * values : values;
}

uint8_t as_byte(const Pnm& pnm, int64_t value, const std::string& name) {
  if (value > pnm.largest) throw_damaged(name, cat("value ", value, " above ", pnm.largest));
  const int64_t level = (value * 255 + pnm.largest / 2) / pnm.largest;
  return static_cast<uint8_t>(pnm.bitmap ? 255 - level : level);
}

int64_t stored_value(const Pnm& pnm, int64_t y, int64_t i) {
  const auto* row = reinterpret_cast<const uint8_t*>(pnm.data.data()) + y * row_bytes(pnm);
  if (pnm.bitmap) return row[i / 8] >> (7 - i % 8) & 1;
  return pnm.largest > 255 ? row[2 * i] << 8 | row[2 * i + 1] : row[i];
}

}  // namespace

ImageInfo pnm_info(std::string_view bytes, const std::string& name) {
  const Pnm pnm = read_header(bytes, name);
  return {.size = {pnm.height, pnm.width},
          .format = "pnm",
          .channels = pnm.channels,
          .bit_depth = pnm.bitmap          ? 1
                       : pnm.largest > 255 ? 16
                                           : 8};
}

Image decode_pnm(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  const Pnm pnm = read_header(bytes, name);
  check_pixel_limit(name, pnm.height, pnm.width, max_pixels);
  if (pnm.height > static_cast<int64_t>(pnm.data.size()) / row_bytes(pnm))
    throw_too_few_bytes(name, pnm.height, pnm.width, bytes.size());
  NumberText text(pnm.data, name);
  Image image(pnm.height, pnm.width);
  for (int64_t y = 0; y < pnm.height; ++y) {
    uint8_t* out = image.at(y, 0);
    for (int64_t i = 0; i < pnm.width * pnm.channels; ++i) {
      const int64_t value = !pnm.text ? stored_value(pnm, y, i) : pnm.bitmap ? text.bit() : text.number();
      const uint8_t level = as_byte(pnm, value, name);
      if (pnm.channels == 3) out[i] = level;
      if (pnm.channels == 1) std::fill_n(out + 3 * i, 3, level);
    }
  }
  return image;
}

}  // namespace vitrail
