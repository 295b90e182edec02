#pragma once
// Python pickles, as far as a PyTorch state dict needs them, read as data. Nothing is ever executed: a pickle
// is a program for a stack machine, and of its instructions only those that build numbers, text, lists,
// dictionaries and tensors are known; of the names that it may call only those of the table below. Everything
// else is refused by its name.
//
//   Pickle pickle = read_pickle(bytes, 0, "resnet50.pth");
//   const PickleObject& top = pickle.objects[pickle.top];      // a dict: items are key, value, key, value
//   ...
//
// Allowed names: collections.OrderedDict, torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter,
// torch.*Storage, torch.Size. Objects are kept in one list and refer to each other by index, so that nesting
// and cycles cost nothing.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vitrail {

struct PickleObject {
  enum class Kind {
    none,
    boolean,  ///< integer: 0 or 1
    integer,  ///< beyond 64 bits: saturated
    real,
    text,
    tuple,    ///< items
    list,     ///< items
    dict,     ///< items: key, value, key, value ...
    name,     ///< text: "torch.FloatStorage"; a class or function that was allowed
    storage,  ///< text: its key; items: the storage's name, its element count
    tensor,   ///< items: storage, offset, sizes, strides
    mark,     ///< internal
  };
  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<uint32_t> items;
};

struct Pickle {
  std::vector<PickleObject> objects;
  uint32_t top = 0;
  size_t end = 0;  ///< position behind the pickle
};

/// Reads one pickle that begins at `begin`. Throws Error(format) naming `source` and the position for bytes
/// that are no pickle, Error(unsupported) naming the function or instruction that a state dict has no need
/// of, Error(limit) beyond two million objects.
Pickle read_pickle(std::span<const std::byte> bytes, size_t begin, const std::string& source);

}  // namespace vitrail
