#include "vitrail/weights/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr int64_t length_bytes = 8;
constexpr int64_t max_header_bytes = 100'000'000;  // the format's own bound
constexpr size_t max_name_bytes = 1024;
constexpr size_t max_dimensions = 16;
constexpr int64_t alignment = 64;
constexpr std::string_view metadata_key = "__metadata__";

constexpr std::array<std::pair<std::string_view, DataType>, 11> types{{{"F64", DataType::f64},
                                                                       {"I64", DataType::i64},
                                                                       {"F32", DataType::f32},
                                                                       {"I32", DataType::i32},
                                                                       {"F16", DataType::f16},
                                                                       {"BF16", DataType::bf16},
                                                                       {"I16", DataType::i16},
                                                                       {"U16", DataType::u16},
                                                                       {"I8", DataType::i8},
                                                                       {"U8", DataType::u8},
                                                                       {"BOOL", DataType::boolean}}};

std::string_view dtype_of(DataType type) {
  return std::find_if(types.begin(), types.end(), [=](const auto& t) { return t.second == type; })->first;
}

std::optional<DataType> type_of(std::string_view dtype) {
  const auto found =
      std::find_if(types.begin(), types.end(), [=](const auto& t) { return t.first == dtype; });
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

// Why a tensor cannot have this name, or "" if it can.
std::string_view fault_of_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > max_name_bytes) return "is longer than 1024 bytes";
  if (name == metadata_key) return "is reserved for the metadata";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) return "contains a control character";
  return "";
}

struct Entry {
  std::string name;
  std::optional<DataType> type;
  std::optional<Shape> shape;
  std::optional<std::vector<int64_t>> offsets;  // begin and end, counted from the end of the header
};

// The header as it is parsed. It holds the few values that the format allows and refuses everything else at
// once, so a hostile header cannot make it hold more memory than its own text.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;

  [[noreturn]] void fail(const std::string& found, const std::string& allowed = "") const {
    std::string where = file_;
    if (place_ == Place::tensor || place_ == Place::numbers)
      where += cat(": tensor '", entries.back().name, "'");
    throw Error(ErrorKind::format, {.where = where, .found = found, .allowed = allowed});
  }

  bool key(string_t& name) override {
    switch (place_) {
      case Place::root: root_key(name); break;
      case Place::metadata:
        if (metadata.contains(name)) fail(cat("metadata key '", name, "' is there twice"));
        field_ = name;
        break;
      default: tensor_key(name);
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) return enter(Place::root);
    if (place_ == Place::root) return enter(next_is_metadata_ ? Place::metadata : Place::tensor);
    fail("an object where the format has none");
  }
  bool end_object() override { return enter(place_ == Place::root ? Place::outside : Place::root); }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || (field_ != "shape" && field_ != "data_offsets"))
      fail("a list where the format has none");
    numbers_.clear();
    return enter(Place::numbers);
  }
  bool end_array() override {
    (field_ == "shape" ? entries.back().shape : entries.back().offsets) = numbers_;
    return enter(Place::tensor);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::numbers) fail(cat("number ", value, " where the format has none"));
    if (value > static_cast<uint64_t>(INT64_MAX)) fail(cat("size ", value, " is too large"));
    if (numbers_.size() == max_dimensions) fail(cat(field_, " has more than ", max_dimensions, " numbers"));
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool number_integer(number_integer_t value) override {
    fail(cat("number ", value), "sizes and offsets are not negative");
  }
  bool number_float(number_float_t, const string_t& text) override {
    fail(cat("number ", text), "sizes and offsets are whole numbers");
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      metadata.emplace(field_, value);
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype") fail("text where the format has none");
    entries.back().type = type_of(value);
    if (!entries.back().type)
      fail(cat("dtype '", value.substr(0, 40), "'"), cat("known are ", known_types()));
    return true;
  }

  bool null() override { fail("null where the format has none"); }
  bool boolean(bool) override { fail("a boolean where the format has none"); }
  bool binary(binary_t&) override { fail("binary data in the header"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw Error(ErrorKind::format, {.where = file_,
                                    .found = cat("the header is not JSON at its byte ", position),
                                    .next = "The file is damaged or not safetensors; fetch it again"});
  }

 private:
  enum class Place { outside, root, metadata, tensor, numbers };

  bool enter(Place place) {
    place_ = place;
    return true;
  }

  static std::string known_types() {
    std::vector<std::string_view> names;
    for (const auto& [name, type] : types)
      names.push_back(name);
    return join(names);
  }

  void root_key(const std::string& name) {
    if (!seen_.insert(name).second) fail(cat("'", name.substr(0, 200), "' is there twice"));
    next_is_metadata_ = name == metadata_key;
    if (next_is_metadata_) return;
    if (const auto fault = fault_of_name(name); !fault.empty()) fail(cat("a tensor's name ", fault));
    entries.push_back({.name = name, .type = {}, .shape = {}, .offsets = {}});
  }

  void tensor_key(const std::string& name) {
    const Entry& entry = entries.back();
    const bool known = name == "dtype" || name == "shape" || name == "data_offsets";
    if (!known) fail(cat("key '", name.substr(0, 200), "'"), "known are dtype, shape, data_offsets");
    if ((name == "dtype" && entry.type) || (name == "shape" && entry.shape) ||
        (name == "data_offsets" && entry.offsets))
      fail(cat("key '", name, "' is there twice"));
    field_ = name;
  }

  std::string file_;
  Place place_ = Place::outside;
  bool next_is_metadata_ = false;
  std::string field_;
  std::vector<int64_t> numbers_;
  std::set<std::string> seen_;
};

[[noreturn]] void fail_tensor(const std::string& file, const Entry& entry, const std::string& found,
                              const std::string& allowed) {
  throw Error(ErrorKind::format,
              {.where = cat(file, ": tensor '", entry.name, "'"), .found = found, .allowed = allowed});
}

// Everything that one entry must satisfy by itself.
void check_entry(const std::string& file, const Entry& entry, int64_t data_bytes) {
  if (!entry.type || !entry.shape || !entry.offsets || entry.offsets->size() != 2)
    fail_tensor(file, entry, "an incomplete description", "dtype, shape and two data_offsets are needed");
  const int64_t begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
  if (begin > end || end > data_bytes)
    fail_tensor(file, entry, cat("bytes ", begin, " to ", end),
                cat("the file has data bytes 0 to ", data_bytes));
  int64_t wanted = 0;
  try {
    wanted = checked_mul(checked_product(*entry.shape, "shape"), size_of(*entry.type), "shape");
  } catch (const Error&) {
    fail_tensor(file, entry, cat("shape ", to_string(*entry.shape)), "its size overflows");
  }
  if (wanted != end - begin)
    fail_tensor(file, entry, cat(end - begin, " bytes of data"),
                cat(dtype_of(*entry.type), " of shape ", to_string(*entry.shape), " needs ", wanted));
}

// Sorted by place, each range must begin where the one before ended: no overlap, and no byte that is
// nobody's.
void check_ranges(const std::string& file, const std::vector<Entry>& entries, int64_t data_bytes) {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries)
    sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return *a->offsets < *b->offsets; });
  int64_t reached = 0;
  for (const Entry* entry : sorted) {
    const int64_t begin = (*entry->offsets)[0];
    if (begin != reached)
      fail_tensor(file, *entry, cat("its data begin at byte ", begin),
                  cat(begin < reached ? "they overlap another tensor's, which end at "
                                      : "there is a gap: the tensor before ends at ",
                      reached));
    reached = (*entry->offsets)[1];
  }
  if (reached != data_bytes)
    throw Error(ErrorKind::format, {.where = file,
                                    .found = cat(data_bytes - reached, " bytes after the last tensor"),
                                    .allowed = "every byte must belong to a tensor"});
}

std::string_view header_of(std::span<const std::byte> bytes, const std::string& file) {
  const auto size = static_cast<int64_t>(bytes.size());
  if (size < length_bytes)
    throw Error(ErrorKind::format, {.where = file,
                                    .found = cat(size, " bytes"),
                                    .allowed = "a safetensors file begins with 8 bytes of header length"});
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i)  // little endian, whatever this machine is
    length |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  const int64_t allowed = std::min(size - length_bytes, max_header_bytes);
  if (length > static_cast<uint64_t>(allowed))
    throw Error(ErrorKind::format,
                {.where = file,
                 .found = cat("a header of ", length, " bytes"),
                 .allowed = cat("this file of ", size, " bytes can hold one of at most ", allowed),
                 .next = "It is truncated or not a safetensors file; fetch it again"});
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + length_bytes, length);
  if (header.empty() || header.front() != '{')
    throw Error(ErrorKind::format, {.where = file,
                                    .found = "a header that does not begin with '{'",
                                    .next = "It is not a safetensors file"});
  return header;
}

// A view of the map, or a copy where a foreign writer left the data where its type cannot be read in place.
Tensor tensor_at(const Entry& entry, const std::byte* data, const std::shared_ptr<const MappedFile>& map) {
  const std::byte* at = data + (*entry.offsets)[0];
  const Tensor view = Tensor::view(*entry.type, *entry.shape, at, map);
  const bool aligned = reinterpret_cast<uintptr_t>(at) % static_cast<uintptr_t>(size_of(*entry.type)) == 0;
  return aligned ? view : view.clone();
}

// The order in the file: wide elements first, so that with no gap between tensors each is aligned to its
// type.
std::vector<Weights::const_iterator> file_order(const Weights& tensors) {
  std::vector<Weights::const_iterator> order;
  for (auto it = tensors.begin(); it != tensors.end(); ++it)
    order.push_back(it);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return size_of(a->second.type()) > size_of(b->second.type());
  });
  return order;
}

void check_writable(const std::filesystem::path& path, const std::string& name, const Tensor& tensor) {
  std::string_view fault = fault_of_name(name);
  if (fault.empty() && !tensor.defined()) fault = "holds no data";
  if (!fault.empty())
    throw Error(ErrorKind::usage,
                {.where = path.string(), .found = cat("tensor '", name.substr(0, 200), "' ", fault)});
}

// The JSON header, padded with spaces so that the data behind it begin at a multiple of 64.
std::string header_for(const std::filesystem::path& path, const std::vector<Weights::const_iterator>& order,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!metadata.empty()) json[std::string(metadata_key)] = metadata;
  int64_t reached = 0;
  for (const auto& it : order) {
    const auto& [name, tensor] = *it;
    check_writable(path, name, tensor);
    const int64_t end = checked_add(reached, tensor.bytes(), "safetensors file");
    json[name] = {
        {"dtype", dtype_of(tensor.type())}, {"shape", tensor.shape()}, {"data_offsets", {reached, end}}};
    reached = end;
  }
  std::string text;
  try {
    text = json.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::usage,
                {.where = path.string(), .found = "a name or metadata value that is not UTF-8"});
  }
  const auto size = static_cast<int64_t>(text.size());
  text.resize(static_cast<size_t>(round_up(size + length_bytes, alignment) - length_bytes), ' ');
  if (static_cast<int64_t>(text.size()) > max_header_bytes)
    throw Error(ErrorKind::limit, {.where = path.string(),
                                   .found = cat("a header of ", text.size(), " bytes"),
                                   .allowed = cat("at most ", max_header_bytes)});
  return text;
}

}  // namespace

Safetensors read_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  const auto map = std::make_shared<const MappedFile>(path);
  const std::string_view header = header_of(map->bytes(), file);
  HeaderReader reader(file);
  nlohmann::json::sax_parse(header.begin(), header.end(), &reader);

  const std::byte* data = map->bytes().data() + length_bytes + header.size();
  const auto data_bytes = static_cast<int64_t>(map->bytes().size() - length_bytes - header.size());
  for (const Entry& entry : reader.entries)
    check_entry(file, entry, data_bytes);
  check_ranges(file, reader.entries, data_bytes);

  Safetensors result{.tensors = {}, .metadata = std::move(reader.metadata)};
  for (const Entry& entry : reader.entries)
    result.tensors.emplace(entry.name, tensor_at(entry, data, map));
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Weights& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto order = file_order(tensors);
  const std::string header = header_for(path, order, metadata);
  std::string bytes;
  for (size_t i = 0; i < length_bytes; ++i)
    bytes.push_back(static_cast<char>((header.size() >> (8 * i)) & 0xff));
  bytes += header;
  for (const auto& it : order)
    bytes.append(reinterpret_cast<const char*>(it->second.raw()), static_cast<size_t>(it->second.bytes()));
  write_file_atomically(path, bytes);
}

}  // namespace vitrail
