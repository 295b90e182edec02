#include "vitrail/image/jpeg_codec.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <vector>

// jpeglib.h needs size_t and FILE from the lines above.
#include <jerror.h>
#include <jpeglib.h>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/exif.h"
#include "vitrail/image/limits.h"

// libjpeg reports errors by a callback that must not return: it jumps out with longjmp. Every function below
// that calls setjmp therefore has no object with a destructor, and returns false after a jump; its callers
// throw.

namespace vitrail {
namespace {

// A progressive file may repeat scans without end at a few bytes each; cameras write about ten.
constexpr int max_scans = 500;

struct JpegState {
  jpeg_error_mgr errors{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";
};

[[noreturn]] void jump_out(j_common_ptr info) {
  auto* state = static_cast<JpegState*>(info->client_data);
  info->err->format_message(info, state->message);
  std::longjmp(state->jump, 1);
}

// Warnings that leave the pixels whole; every other one means that some were made up.
bool is_harmless(int code) {
  return code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_NOT_SEQUENTIAL ||
         code == JWRN_EXTRANEOUS_DATA;
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(info->err->msg_code)) jump_out(info);
}

void say_nothing(j_common_ptr) {}

void on_progress(j_common_ptr info) {
  auto* reader = reinterpret_cast<j_decompress_ptr>(info);
  if (reader->input_scan_number <= max_scans) return;
  auto* state = static_cast<JpegState*>(info->client_data);
  std::snprintf(state->message, sizeof state->message, "more than %d scans", max_scans);
  std::longjmp(state->jump, 1);
}

jpeg_error_mgr* set_up_errors(JpegState& state) {
  jpeg_std_error(&state.errors);
  state.errors.error_exit = jump_out;
  state.errors.emit_message = on_message;
  state.errors.output_message = say_nothing;
  return &state.errors;
}

struct JpegReader {
  JpegState state;
  jpeg_decompress_struct info{};
  jpeg_progress_mgr progress{};

  JpegReader() {
    info.err = set_up_errors(state);
    info.client_data = &state;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

bool read_header(JpegReader& reader, const uint8_t* bytes, size_t size) {
  if (setjmp(reader.state.jump) != 0) return false;
  jpeg_create_decompress(&reader.info);
  reader.progress.progress_monitor = on_progress;
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, bytes, size);
  jpeg_save_markers(&reader.info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

bool set_scale(JpegReader& reader, unsigned divisor) {
  if (setjmp(reader.state.jump) != 0) return false;
  reader.info.scale_denom = divisor;
  jpeg_calc_output_dimensions(&reader.info);
  return true;
}

// Adobe's files, which are nearly all CMYK JPEGs, store the inks inverted.
void rgb_from_cmyk(const uint8_t* cmyk, int64_t width, bool inverted, uint8_t* rgb) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) {
      const int light = inverted ? cmyk[c] : 255 - cmyk[c];
      const int white = inverted ? cmyk[3] : 255 - cmyk[3];
      rgb[c] = static_cast<uint8_t>((light * white + 127) / 255);
    }
  }
}

bool read_pixels(JpegReader& reader, uint8_t* rgb, uint8_t* cmyk_row) {
  if (setjmp(reader.state.jump) != 0) return false;
  jpeg_decompress_struct& info = reader.info;
  info.out_color_space = cmyk_row != nullptr ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  const size_t stride = size_t{3} * info.output_width;
  while (info.output_scanline < info.output_height) {
    uint8_t* out = rgb + info.output_scanline * stride;
    uint8_t* row = cmyk_row != nullptr ? cmyk_row : out;
    if (jpeg_read_scanlines(&info, &row, 1) != 1) continue;
    if (cmyk_row != nullptr) rgb_from_cmyk(cmyk_row, info.output_width, info.saw_Adobe_marker != 0, out);
  }
  jpeg_finish_decompress(&info);
  return true;
}

[[noreturn]] void throw_damaged(const JpegReader& reader, const std::string& name) {
  throw Error(ErrorKind::format, {.where = name,
                                  .found = cat("damaged JPEG (", reader.state.message, ")"),
                                  .next = "Copy or export the file again"});
}

int orientation_of(const jpeg_decompress_struct& info) {
  constexpr std::string_view start("Exif\0\0", 6);
  for (const auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.starts_with(start)) return exif_orientation(data.substr(start.size()));
  }
  return 1;
}

JpegHeader header_of(const jpeg_decompress_struct& info) {
  return {.height = info.image_height,
          .width = info.image_width,
          .components = info.num_components,
          .orientation = orientation_of(info)};
}

void open(JpegReader& reader, std::string_view bytes, const std::string& name) {
  if (!read_header(reader, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()))
    throw_damaged(reader, name);
}

// Huffman coding spends at least one bit on each 8x8 block.
void check_fits(const jpeg_decompress_struct& info, size_t bytes, const std::string& name) {
  if (info.arith_code) return;
  uint64_t blocks = 0;
  for (int i = 0; i < info.num_components; ++i)
    blocks += uint64_t{info.comp_info[i].width_in_blocks} * info.comp_info[i].height_in_blocks;
  if (blocks > 8 * uint64_t{bytes}) throw_too_few_bytes(name, info.image_height, info.image_width, bytes);
}

}  // namespace

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8\xFF");
}

JpegHeader jpeg_header(std::string_view bytes, const std::string& name) {
  JpegReader reader;
  open(reader, bytes, name);
  return header_of(reader.info);
}

namespace {

/// The most by which a picture of this size may be divided and still reach `smallest`.
unsigned reduction(const JpegHeader& header, ImageSize smallest) {
  if (orientation_transposes(header.orientation)) std::swap(smallest.height, smallest.width);
  if (smallest.height < 1 || smallest.width < 1) return 1;
  for (const unsigned divisor : {8u, 4u, 2u}) {
    // Turned round, the last row or column would come first, and nobody expects part of a pixel there.
    const bool whole = header.height % divisor == 0 && header.width % divisor == 0;
    if ((whole || header.orientation == 1) && ceil_div(header.height, divisor) >= smallest.height &&
        ceil_div(header.width, divisor) >= smallest.width)
      return divisor;
  }
  return 1;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  return decode_jpeg_reduced(bytes, name, max_pixels, {}).image;
}

ReducedImage decode_jpeg_reduced(std::string_view bytes, const std::string& name, int64_t max_pixels,
                                 ImageSize smallest) {
  JpegReader reader;
  open(reader, bytes, name);
  const JpegHeader header = header_of(reader.info);
  check_pixel_limit(name, header.height, header.width, max_pixels);
  check_fits(reader.info, bytes.size(), name);
  const unsigned divisor = reduction(header, smallest);
  if (!set_scale(reader, divisor)) throw_damaged(reader, name);
  Image image(reader.info.output_height, reader.info.output_width);
  std::vector<uint8_t> cmyk_row(header.components == 4 ? size_t{4} * reader.info.output_width : 0);
  if (!read_pixels(reader, image.pixels.data(), cmyk_row.empty() ? nullptr : cmyk_row.data()))
    throw_damaged(reader, name);
  ImageSize size{header.height, header.width};
  if (orientation_transposes(header.orientation)) std::swap(size.height, size.width);
  return {oriented(std::move(image), header.orientation), size, divisor};
}

namespace {

struct JpegWriter {
  JpegState state;
  jpeg_compress_struct info{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  JpegWriter() {
    info.err = set_up_errors(state);
    info.client_data = &state;
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
};

bool write_pixels(JpegWriter& writer, const Image& image, int quality) {
  if (setjmp(writer.state.jump) != 0) return false;
  jpeg_compress_struct& info = writer.info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &writer.bytes, &writer.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = static_cast<int>(image.channels);
  info.in_color_space = image.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<uint8_t*>(image.at(info.next_scanline, 0));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg_pixels(const Image& image, int quality) {
  JpegWriter writer;
  if (!write_pixels(writer, image, quality))
    throw Error(ErrorKind::unsupported, {.where = "encode_jpeg", .found = writer.state.message});
  return {reinterpret_cast<const char*>(writer.bytes), writer.size};
}

}  // namespace vitrail
