#include "vitrail/weights/torch_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/weights/pickle.h"
#include "vitrail/weights/zip_archive.h"

namespace vitrail {
namespace {

using Kind = PickleObject::Kind;
using Bytes = std::span<const std::byte>;

constexpr size_t most_dimensions = 16;
constexpr size_t longest_name = 1024;
constexpr int64_t most_copies = 4;
// Protocol 2, the integer 0x1950a86a20f9469cfc6c, stop: the first pickle of files before PyTorch 1.6.
constexpr std::string_view legacy_magic{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15};
constexpr int64_t legacy_version = 1001;

constexpr std::array<std::pair<std::string_view, DataType>, 10> storage_types{
    {{"torch.FloatStorage", DataType::f32},
     {"torch.HalfStorage", DataType::f16},
     {"torch.BFloat16Storage", DataType::bf16},
     {"torch.DoubleStorage", DataType::f64},
     {"torch.LongStorage", DataType::i64},
     {"torch.IntStorage", DataType::i32},
     {"torch.ShortStorage", DataType::i16},
     {"torch.CharStorage", DataType::i8},
     {"torch.ByteStorage", DataType::u8},
     {"torch.BoolStorage", DataType::boolean}}};

struct Storage {
  DataType type;
  int64_t elements;
  Bytes bytes;
};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : path_(path.string()), file_(std::make_shared<MappedFile>(path)) {}

  TorchFile read() {
    const Bytes bytes = file_->bytes();
    if (is_zip(bytes)) {
      archive_.emplace(bytes, path_);
      root_ = archive_root();
      pickle_ = read_pickle(archive_->entry(root_ + "data.pkl"), 0, path_);
    } else if (begins_with(bytes, legacy_magic)) {
      read_legacy(bytes);
    } else {
      fail("it is no file of torch.save", "Take a .pth or .pt file, or a .safetensors file");
    }
    return collect();
  }

 private:
  [[noreturn]] void fail(const std::string& found, const std::string& next = "") const {
    throw Error(ErrorKind::format, {.where = path_, .found = found, .next = next});
  }
  [[noreturn]] void fail_tensor(const std::string& name, const std::string& found) const {
    throw Error(ErrorKind::format, {.where = cat(path_, ": tensor '", name, "'"), .found = found});
  }
  static bool begins_with(Bytes bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
  }
  const PickleObject& object(uint32_t index) const { return pickle_.objects[index]; }

  // Archives have one folder whose name was the file's.
  std::string archive_root() const {
    for (const auto& [name, bytes] : archive_->entries())
      if (name.ends_with("/data.pkl") && name.find('/') == name.size() - std::string_view("/data.pkl").size())
        return name.substr(0, name.find('/') + 1);
    fail("a zip archive without data.pkl", "TorchScript archives and other zip files are not weight files");
  }

  // Magic, version, machine, the dictionary, the list of storage keys; then for each its element count and
  // data.
  void read_legacy(Bytes bytes) {
    const Pickle version = read_pickle(bytes, legacy_magic.size(), path_);
    if (version.objects[version.top].integer != legacy_version)
      fail("an unknown version of PyTorch's old format");
    const Pickle machine = read_pickle(bytes, version.end, path_);
    pickle_ = read_pickle(bytes, machine.end, path_);
    const Pickle keys = read_pickle(bytes, pickle_.end, path_);
    std::map<std::string, DataType> types;
    for (const PickleObject& candidate : pickle_.objects)
      if (candidate.kind == Kind::storage) types.emplace(candidate.text, type_of(candidate));
    size_t at = keys.end;
    for (const uint32_t item : keys.objects[keys.top].items) {
      int64_t elements = 0;
      if (bytes.size() - at < sizeof(elements)) fail("it ends before its storages do");
      std::memcpy(&elements, bytes.data() + at, sizeof(elements));
      at += sizeof(elements);
      const std::string& key = keys.objects[item].text;
      const auto type = types.find(key);
      if (type == types.end()) fail(cat("storage '", key, "' belongs to no tensor"));
      const int64_t size = elements < 0 ? -1 : checked_mul(elements, size_of(type->second), path_);
      if (size < 0 || static_cast<uint64_t>(size) > bytes.size() - at)
        fail(cat("storage '", key, "' of ", elements, " elements is beyond its end"));
      legacy_[key] = bytes.subspan(at, static_cast<size_t>(size));
      at += static_cast<size_t>(size);
    }
  }
  DataType type_of(const PickleObject& storage) const {
    const std::string& name = object(storage.items[0]).text;
    const auto found = std::find_if(storage_types.begin(), storage_types.end(),
                                    [&](const auto& t) { return t.first == name; });
    if (found == storage_types.end()) fail(cat("a storage of type '", name, "'"));
    return found->second;
  }

  Storage storage_of(const std::string& tensor, const PickleObject& storage) const {
    Storage result{type_of(storage), object(storage.items[1]).integer, {}};
    if (archive_) {
      result.bytes = archive_->entry(root_ + "data/" + storage.text);
    } else {
      const auto found = legacy_.find(storage.text);
      if (found == legacy_.end())
        fail_tensor(tensor, cat("its storage '", storage.text, "' is not in the file"));
      result.bytes = found->second;
    }
    const int64_t width = size_of(result.type), has = static_cast<int64_t>(result.bytes.size());
    if (result.elements < 0 || result.elements > has / width)
      fail_tensor(tensor, cat("its storage has ", result.elements, " elements, but ", has, " bytes"));
    return result;
  }

  std::vector<int64_t> numbers(const std::string& tensor, uint32_t index) const {
    const PickleObject& tuple = object(index);
    if (tuple.kind != Kind::tuple || tuple.items.size() > most_dimensions)
      fail_tensor(tensor, "its sizes or strides are no tuple of at most 16 numbers");
    std::vector<int64_t> values;
    for (const uint32_t item : tuple.items) {
      if (object(item).kind != Kind::integer || object(item).integer < 0)
        fail_tensor(tensor, "a size or stride that is no whole number of at least 0");
      values.push_back(object(item).integer);
    }
    return values;
  }

  Tensor tensor_of(const std::string& name, const PickleObject& described) {
    if (object(described.items[0]).kind != Kind::storage || object(described.items[1]).kind != Kind::integer)
      fail_tensor(name, "it has no storage or no offset");
    const Storage storage = storage_of(name, object(described.items[0]));
    const int64_t offset = object(described.items[1]).integer;
    const Shape sizes = numbers(name, described.items[2]);
    const std::vector<int64_t> strides = numbers(name, described.items[3]);
    if (sizes.size() != strides.size()) fail_tensor(name, "it has not as many strides as sizes");
    const int64_t elements = checked_product(sizes, cat(path_, ": tensor '", name, "'"));
    int64_t last = offset;
    for (size_t d = 0; d < sizes.size(); ++d)
      last = checked_add(last, checked_mul(std::max<int64_t>(sizes[d] - 1, 0), strides[d], path_), path_);
    if (offset < 0 || elements > storage.elements || (elements > 0 && last >= storage.elements) ||
        offset > storage.elements)
      fail_tensor(name, cat("shape ", to_string(sizes), " from element ", offset,
                            " on does not fit its storage of ", storage.elements, " elements"));
    return gathered(storage, offset, sizes, strides);
  }

  static bool contiguous(const Shape& sizes, const std::vector<int64_t>& strides) {
    int64_t expected = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
      if (sizes[d] != 1 && strides[d] != expected) return false;
      expected *= sizes[d];
    }
    return true;
  }

  Tensor gathered(const Storage& storage, int64_t offset, const Shape& sizes,
                  const std::vector<int64_t>& strides) {
    const int64_t width = size_of(storage.type), elements = element_count(sizes);
    const std::byte* begin = storage.bytes.data() + offset * width;
    const bool plain = elements == 0 || contiguous(sizes, strides);
    if (plain && elements > 0 && reinterpret_cast<uintptr_t>(begin) % static_cast<uintptr_t>(width) == 0)
      return Tensor::view(storage.type, sizes, begin, file_);
    copied_ += elements * width;  // many names may lead to one storage
    if (copied_ > most_copies * static_cast<int64_t>(file_->bytes().size()))
      throw Error(ErrorKind::limit, {.where = path_, .found = "its tensors overlap more than any network's"});
    Tensor copy = Tensor::empty(storage.type, sizes);
    if (plain) {
      if (elements > 0) std::memcpy(copy.raw(), begin, static_cast<size_t>(copy.bytes()));
      return copy;
    }
    Shape at(sizes.size(), 0);
    for (int64_t i = 0; i < elements; ++i) {
      int64_t from = 0;
      for (size_t d = 0; d < sizes.size(); ++d)
        from += at[d] * strides[d];
      std::memcpy(copy.raw() + i * width, begin + from * width, static_cast<size_t>(width));
      for (size_t d = sizes.size(); d-- > 0 && ++at[d] == sizes[d];)
        at[d] = 0;
    }
    return copy;
  }

  // The dictionary of tensors: the file's, or a checkpoint's entry.
  const PickleObject& state_dict() const {
    const PickleObject& top = object(pickle_.top);
    if (top.kind != Kind::dict)
      fail("it holds no dictionary", "Save the state dict: torch.save(model.state_dict(), path)");
    for (const std::string_view key : {"state_dict", "model_state_dict", "model"})
      for (size_t i = 0; i + 1 < top.items.size(); i += 2)
        if (object(top.items[i]).kind == Kind::text && object(top.items[i]).text == key &&
            object(top.items[i + 1]).kind == Kind::dict)
          return object(top.items[i + 1]);
    return top;
  }

  TorchFile collect() {
    TorchFile result;
    const PickleObject& dict = state_dict();
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleObject &key = object(dict.items[i]), &value = object(dict.items[i + 1]);
      if (key.kind != Kind::text || key.text.size() > longest_name)
        fail("a name that is no text of at most 1024 bytes");
      if (value.kind != Kind::tensor)
        result.ignored.push_back(key.text);
      else if (!result.tensors.emplace(key.text, tensor_of(key.text, value)).second)
        fail_tensor(key.text, "it is there twice");
    }
    if (result.tensors.empty()) fail("there is no tensor in it");
    return without_module(std::move(result));
  }

  static TorchFile without_module(TorchFile file) {
    constexpr std::string_view prefix = "module.";
    for (const auto& [name, tensor] : file.tensors)
      if (!name.starts_with(prefix)) return file;
    Weights renamed;
    for (auto& [name, tensor] : file.tensors)
      renamed.emplace(name.substr(prefix.size()), std::move(tensor));
    file.tensors = std::move(renamed);
    return file;
  }

  std::string path_;
  std::shared_ptr<MappedFile> file_;
  std::optional<ZipArchive> archive_;
  std::string root_;                     // "archive/"
  std::map<std::string, Bytes> legacy_;  // storages by key
  Pickle pickle_;
  int64_t copied_ = 0;  // bytes
};

}  // namespace

TorchFile read_torch_file(const std::filesystem::path& path) {
  return Reader(path).read();
}

bool is_torch_file(const std::filesystem::path& path) {
  std::array<char, legacy_magic.size()> begin{};
  std::ifstream in(path, std::ios::binary);
  in.read(begin.data(), begin.size());
  const Bytes bytes = std::as_bytes(std::span(begin)).first(static_cast<size_t>(in.gcount()));
  return is_zip(bytes) ||
         (bytes.size() == begin.size() && legacy_magic == std::string_view(begin.data(), begin.size()));
}

}  // namespace vitrail
