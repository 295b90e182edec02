#include "vitrail/onnx/external_data.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"

namespace vitrail::onnx_files {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
};

class Loader {
 public:
  explicit Loader(const fs::path& path)
      : path_(path), folder_(fs::weakly_canonical(fs::absolute(path)).parent_path()) {}

  void load(onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    where_ = cat(path_.string(), ": initialiser '", printable(tensor.name()), "'");
    const Place place = place_of(tensor);
    const std::span<const std::byte> file = open(place.location);
    const std::optional<int64_t> width = stored_size(tensor.data_type());
    if (!width) return;  // its reader says so
    const int64_t bytes =
        checked_mul(checked_product({tensor.dims().begin(), tensor.dims().end()}, where_), *width, where_);
    const auto size = static_cast<int64_t>(file.size());
    if (place.length && *place.length != bytes)
      refuse(cat(*place.length, " bytes in '", printable(place.location), "'"), cat(bytes, " are needed"));
    if (place.offset > size || bytes > size - place.offset)
      refuse(cat("bytes ", place.offset, "..", checked_add(place.offset, bytes, where_), " of '",
                 printable(place.location), "'"),
             cat("the file has ", size));
    loaded_ = checked_add(loaded_, bytes, where_);
    if (loaded_ > available_) refuse("initialisers that share bytes of their files", "each has its own");
    tensor.set_raw_data(file.data() + place.offset, static_cast<size_t>(bytes));
    tensor.clear_external_data();
    tensor.set_data_location(onnx::TensorProto::DEFAULT);
  }

  void load(onnx::GraphProto& graph) {
    for (onnx::TensorProto& tensor : *graph.mutable_initializer())
      load(tensor);
    for (onnx::NodeProto& node : *graph.mutable_node())
      for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_t()) load(*attribute.mutable_t());
        if (attribute.has_g()) load(*attribute.mutable_g());
      }
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& allowed) const {
    throw Error(ErrorKind::format, {.where = where_, .found = found, .allowed = allowed});
  }

  int64_t number(const std::string& text) const {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0)
      refuse(cat("the place '", printable(text), "' in a file"), "a number of bytes");
    return value;
  }

  Place place_of(const onnx::TensorProto& tensor) const {
    Place place;
    for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
      if (entry.key() == "location") place.location = entry.value();
      if (entry.key() == "offset") place.offset = number(entry.value());
      if (entry.key() == "length") place.length = number(entry.value());
    }
    return place;
  }

  // The bytes of a file in the model's folder.
  std::span<const std::byte> open(const std::string& location) {
    auto& file = files_[location];
    if (file) return file->bytes();
    const fs::path relative(location);
    bool stays = !location.empty() && relative.is_relative() && location.find('\0') == std::string::npos;
    for (const fs::path& part : relative)
      stays = stays && part != "..";
    const fs::path full = stays ? fs::weakly_canonical(folder_ / relative) : fs::path();
    const auto [end, ignored] = std::mismatch(folder_.begin(), folder_.end(), full.begin(), full.end());
    if (!stays || end != folder_.end())
      refuse(cat("its values are in '", printable(location), "'"), "a file in the model's folder");
    if (!fs::is_regular_file(full))
      throw Error(ErrorKind::file,
                  {.where = where_,
                   .found = cat("its values are in '", printable(location), "', which is missing"),
                   .next = "Put that file beside the model"});
    file = std::make_unique<MappedFile>(full);
    available_ = checked_add(available_, static_cast<int64_t>(file->bytes().size()), where_);
    return file->bytes();
  }

  const fs::path& path_;
  fs::path folder_;
  std::string where_;
  std::map<std::string, std::unique_ptr<MappedFile>> files_;
  int64_t available_ = 0, loaded_ = 0;  // bytes
};

}  // namespace

void load_external_data(onnx::ModelProto& model, const fs::path& path) {
  Loader loader(path);
  loader.load(*model.mutable_graph());
  for (onnx::FunctionProto& function : *model.mutable_functions())
    for (onnx::NodeProto& node : *function.mutable_node())
      for (onnx::AttributeProto& attribute : *node.mutable_attribute())
        if (attribute.has_t()) loader.load(*attribute.mutable_t());
}

}  // namespace vitrail::onnx_files
