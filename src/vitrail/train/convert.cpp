#include "vitrail/train/convert.h"

#include <cstring>
#include <optional>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

constexpr std::pair<DataType, at::ScalarType> type_pairs[] = {
    {DataType::f32, at::kFloat},    {DataType::f16, at::kHalf}, {DataType::bf16, at::kBFloat16},
    {DataType::f64, at::kDouble},   {DataType::i64, at::kLong}, {DataType::i32, at::kInt},
    {DataType::i16, at::kShort},    {DataType::i8, at::kChar},  {DataType::u8, at::kByte},
    {DataType::boolean, at::kBool},
};

at::ScalarType torch_type(DataType type) {
  for (const auto& [ours, theirs] : type_pairs)
    if (ours == type) return theirs;
  throw Error(ErrorKind::unsupported, {.where = "tensor for training",
                                       .found = cat("type ", name_of(type)),
                                       .allowed = "LibTorch has no such type"});
}

DataType host_type(at::ScalarType type) {
  for (const auto& [ours, theirs] : type_pairs)
    if (theirs == type) return ours;
  throw Error(ErrorKind::unsupported, {.where = "tensor from training",
                                       .found = cat("type ", c10::toString(type)),
                                       .allowed = "a real or integer type"});
}

/// At most eight of `items`, for a message that stays readable.
std::string listed(const std::vector<std::string>& items) {
  constexpr size_t shown = 8;
  if (items.size() <= shown) return join(items);
  return cat(join(std::vector<std::string>(items.begin(), items.begin() + shown)), " and ",
             items.size() - shown, " more");
}

}  // namespace

at::Tensor to_torch(const Tensor& tensor) {
  at::Tensor result = at::empty(tensor.shape(), torch_type(tensor.type()));
  if (tensor.bytes() > 0) std::memcpy(result.data_ptr(), tensor.raw(), static_cast<size_t>(tensor.bytes()));
  return result;
}

Tensor from_torch(const at::Tensor& tensor) {
  const at::Tensor source = tensor.detach().cpu().contiguous();
  Tensor result = Tensor::empty(host_type(source.scalar_type()), source.sizes().vec());
  if (result.bytes() > 0) std::memcpy(result.raw(), source.data_ptr(), static_cast<size_t>(result.bytes()));
  return result;
}

Weights to_host(const NamedTensors& tensors) {
  Weights result;
  for (const auto& [name, tensor] : tensors)
    result[name] = from_torch(tensor);
  return result;
}

void copy_by_name(const Weights& source, const NamedTensors& targets, std::string_view where) {
  std::vector<std::string> missing, unexpected, misshapen;
  std::set<std::string> wanted;
  for (const auto& [name, target] : targets) {
    wanted.insert(name);
    const auto found = source.find(name);
    if (found == source.end())
      missing.push_back(name);
    else if (found->second.shape() != target.sizes().vec())
      misshapen.push_back(cat(name, " is ", to_string(found->second.shape()), ", expected ",
                              to_string(target.sizes().vec())));
  }
  for (const auto& [name, tensor] : source)
    if (!wanted.contains(name)) unexpected.push_back(name);
  if (!missing.empty() || !unexpected.empty()) {
    std::vector<std::string> found;
    if (!missing.empty()) found.push_back(cat(missing.size(), " missing (", listed(missing), ")"));
    if (!unexpected.empty())
      found.push_back(cat(unexpected.size(), " unexpected (", listed(unexpected), ")"));
    throw Error(ErrorKind::usage, {.where = std::string(where),
                                   .found = join(found),
                                   .allowed = cat("exactly the ", targets.size(), " names of this network"),
                                   .next = "Is it a file of the same network, with the same options?"});
  }
  if (!misshapen.empty())
    throw Error(ErrorKind::shape,
                {.where = std::string(where),
                 .found = listed(misshapen),
                 .next = "Is it a file of the same network, with the same number of classes?"});
  const at::NoGradGuard no_gradients;
  for (const auto& [name, target] : targets)
    at::Tensor(target).copy_(to_torch(source.at(name)));
}

}  // namespace vitrail::train
