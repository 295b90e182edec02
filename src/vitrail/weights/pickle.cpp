#include "vitrail/weights/pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Kind = PickleObject::Kind;

constexpr size_t most_objects = 2'000'000;
constexpr size_t longest_key = 64;
constexpr std::string_view ordered_dict = "collections.OrderedDict";
constexpr std::string_view rebuild_tensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view rebuild_parameter = "torch._utils._rebuild_parameter";
constexpr std::array<std::string_view, 14> allowed_names{
    ordered_dict,         rebuild_tensor,         rebuild_parameter,   "torch.Size",
    "torch.FloatStorage", "torch.HalfStorage",    "torch.LongStorage", "torch.DoubleStorage",
    "torch.IntStorage",   "torch.ShortStorage",   "torch.CharStorage", "torch.ByteStorage",
    "torch.BoolStorage",  "torch.BFloat16Storage"};

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, size_t at, const std::string& source)
      : bytes_(bytes), at_(at), source_(source) {}

  Pickle run() {
    while (!stopped_) {
      start_ = at_;
      step(number<uint8_t>());
    }
    return {std::move(objects_), top_, at_};
  }

 private:
  [[noreturn]] void fail(const std::string& found) const {
    throw Error(ErrorKind::format, {.where = cat(source_, ": pickle, byte ", start_),
                                    .found = found,
                                    .next = "The file is damaged, or not a state dict of PyTorch"});
  }
  [[noreturn]] void refuse(const std::string& found) const {
    throw Error(
        ErrorKind::unsupported,
        {.where = cat(source_, ": pickle, byte ", start_),
         .found = found,
         .allowed = "only tensors, numbers, text, lists and dictionaries are read; nothing is executed",
         .next = "Save the state dict alone: torch.save(model.state_dict(), path)"});
  }

  // ---- bytes
  std::string_view take(size_t count) {
    if (bytes_.size() - at_ < count) fail("it ends in the middle");
    at_ += count;
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ - count, count};
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string line() {
    const size_t begin = at_;
    while (take(1)[0] != '\n') {
    }
    return {reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - begin - 1};
  }
  double big_endian_real() {
    uint64_t bits = 0;
    for (const char c : take(8))
      bits = bits << 8 | static_cast<uint8_t>(c);
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  // Little-endian two's complement of any length; what does not fit is saturated.
  int64_t long_integer() {
    const std::string_view digits = take(number<uint8_t>());
    const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
    if (digits.size() > 8) return negative ? INT64_MIN : INT64_MAX;
    uint64_t bits = negative ? ~uint64_t{0} : 0;
    for (size_t i = digits.size(); i-- > 0;)
      bits = bits << 8 | static_cast<uint8_t>(digits[i]);
    return static_cast<int64_t>(bits);
  }

  // ---- stack
  uint32_t made(PickleObject object) {
    if (objects_.size() >= most_objects)
      throw Error(ErrorKind::limit,
                  {.where = source_, .found = cat("a pickle of more than ", most_objects, " objects")});
    objects_.push_back(std::move(object));
    return static_cast<uint32_t>(objects_.size() - 1);
  }
  void push(PickleObject object) { stack_.push_back(made(std::move(object))); }
  void push(Kind kind) { push(PickleObject{.kind = kind}); }
  void push_integer(int64_t value) { push(PickleObject{.kind = Kind::integer, .integer = value}); }
  uint32_t pop() {
    if (stack_.empty()) fail("it takes from an empty stack");
    const uint32_t value = stack_.back();
    stack_.pop_back();
    if (objects_[value].kind == Kind::mark) fail("it takes a mark for a value");
    return value;
  }
  uint32_t peek() {
    const uint32_t value = pop();
    stack_.push_back(value);
    return value;
  }
  // Everything above the last mark, which goes too.
  std::vector<uint32_t> pop_to_mark() {
    size_t mark = stack_.size();
    while (mark > 0 && objects_[stack_[mark - 1]].kind != Kind::mark)
      --mark;
    if (mark == 0) fail("a mark is missing");
    std::vector<uint32_t> items(stack_.begin() + static_cast<int64_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return items;
  }
  void push_tuple(size_t count) {
    PickleObject tuple{.kind = Kind::tuple};
    for (size_t i = 0; i < count; ++i)
      tuple.items.insert(tuple.items.begin(), pop());
    push(std::move(tuple));
  }
  void append(Kind kind, const std::vector<uint32_t>& items) {
    PickleObject& target = objects_[peek()];
    if (target.kind != kind)
      fail(kind == Kind::dict ? "it adds keys to what is no dictionary" : "it appends to what is no list");
    if (kind == Kind::dict && items.size() % 2 != 0) fail("a key without a value");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }
  void remember(uint64_t place) { memo_[place] = peek(); }
  void recall(uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) fail(cat("it recalls ", place, ", which it never stored"));
    stack_.push_back(found->second);
  }

  // ---- names
  void push_name(const std::string& module, const std::string& name) {
    std::string full = cat(module, ".", name);
    if (std::find(allowed_names.begin(), allowed_names.end(), full) == allowed_names.end())
      refuse(cat("it asks for '", printable(full), "'"));
    push(PickleObject{.kind = Kind::name, .text = std::move(full)});
  }
  static std::string printable(std::string text) {
    text.resize(std::min<size_t>(text.size(), 200));
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    return text;
  }
  void stack_global() {
    const uint32_t name = pop(), module = pop();
    if (objects_[name].kind != Kind::text || objects_[module].kind != Kind::text)
      fail("a name that is no text");
    push_name(objects_[module].text, objects_[name].text);
  }

  // Calls that are understood as what they would have made.
  void reduce() {
    const uint32_t arguments = pop(), function = pop();
    if (objects_[function].kind != Kind::name || objects_[arguments].kind != Kind::tuple)
      fail("it calls what is no function");
    const std::string& name = objects_[function].text;
    const std::vector<uint32_t>& items = objects_[arguments].items;
    if (name == ordered_dict && items.empty()) return push(Kind::dict);
    if (name == rebuild_tensor && (items.size() == 6 || items.size() == 7))
      return push(PickleObject{.kind = Kind::tensor, .items = {items[0], items[1], items[2], items[3]}});
    if (name == rebuild_parameter && !items.empty() && objects_[items[0]].kind == Kind::tensor)
      return stack_.push_back(items[0]);
    if (name == "torch.Size" && items.size() == 1) return stack_.push_back(items[0]);
    refuse(cat("it calls '", name, "' with ", items.size(), " arguments"));
  }
  // ("storage", class, key, where it lived, element count[, view])
  void persistent_storage() {
    const uint32_t id = pop();
    const std::vector<uint32_t> items = objects_[id].items;
    const bool sound = objects_[id].kind == Kind::tuple && (items.size() == 5 || items.size() == 6) &&
                       objects_[items[0]].kind == Kind::text && objects_[items[0]].text == "storage" &&
                       objects_[items[1]].kind == Kind::name && objects_[items[2]].kind == Kind::text &&
                       objects_[items[4]].kind == Kind::integer;
    if (!sound) fail("a storage that is not described as PyTorch does");
    if (items.size() == 6 && objects_[items[5]].kind != Kind::none)
      refuse("a storage that is a view of another");
    std::string key = objects_[items[2]].text;
    if (key.size() > longest_key) fail(cat("a storage whose key has ", key.size(), " bytes"));
    push(PickleObject{.kind = Kind::storage, .text = std::move(key), .items = {items[1], items[4]}});
  }
  // Attributes of a state dict (its versions) mean nothing here.
  void build() {
    pop();
    if (objects_[peek()].kind != Kind::dict) refuse("it sets attributes of an object");
  }

  void push_text(size_t length) { push(PickleObject{.kind = Kind::text, .text = std::string(take(length))}); }

  void step(uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (number<uint8_t>() > 5) refuse("a pickle protocol above 5");
        return;
      case 0x95: take(8); return;  // FRAME
      case '.': top_ = pop(), stopped_ = true; return;
      case '(': push(Kind::mark); return;
      case '0': pop(); return;
      case 'N': push(Kind::none); return;
      case 0x88: push(PickleObject{.kind = Kind::boolean, .integer = 1}); return;
      case 0x89: push(PickleObject{.kind = Kind::boolean, .integer = 0}); return;
      case 'J': push_integer(number<int32_t>()); return;
      case 'K': push_integer(number<uint8_t>()); return;
      case 'M': push_integer(number<uint16_t>()); return;
      case 0x8a: push_integer(long_integer()); return;
      case 'G': push(PickleObject{.kind = Kind::real, .real = big_endian_real()}); return;
      case 'X': push_text(number<uint32_t>()); return;
      case 0x8c: push_text(number<uint8_t>()); return;
      case ')': push(Kind::tuple); return;
      case 't': push(PickleObject{.kind = Kind::tuple, .items = pop_to_mark()}); return;
      case 0x85: push_tuple(1); return;
      case 0x86: push_tuple(2); return;
      case 0x87: push_tuple(3); return;
      case ']': push(Kind::list); return;
      case 'a': append_one(); return;
      case 'e': append_many(Kind::list); return;
      case '}': push(Kind::dict); return;
      case 's': set_item(); return;
      case 'u': append_many(Kind::dict); return;
      case 'q': remember(number<uint8_t>()); return;
      case 'r': remember(number<uint32_t>()); return;
      case 0x94: remember(memo_.size()); return;
      case 'h': recall(number<uint8_t>()); return;
      case 'j': recall(number<uint32_t>()); return;
      case 'c': global(); return;
      case 0x93: stack_global(); return;
      case 'R': reduce(); return;
      case 'Q': persistent_storage(); return;
      case 'b': build(); return;
      default: refuse(cat("instruction ", int{opcode}, ", which no state dict needs"));
    }
  }

  void append_one() {
    const uint32_t item = pop();
    append(Kind::list, {item});
  }
  void append_many(Kind kind) {
    const std::vector<uint32_t> items = pop_to_mark();
    append(kind, items);
  }
  void set_item() {
    const uint32_t value = pop(), key = pop();
    append(Kind::dict, {key, value});
  }
  void global() {
    const std::string module = line();
    push_name(module, line());
  }

  std::span<const std::byte> bytes_;
  size_t at_, start_ = 0;
  const std::string& source_;
  std::vector<PickleObject> objects_;
  std::vector<uint32_t> stack_;
  std::unordered_map<uint64_t, uint32_t> memo_;
  uint32_t top_ = 0;
  bool stopped_ = false;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, size_t begin, const std::string& source) {
  if (begin > bytes.size())
    throw Error(ErrorKind::format, {.where = source, .found = "it ends where a pickle should begin"});
  return Machine(bytes, begin, source).run();
}

}  // namespace vitrail
