#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/external_data.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {

std::string onnx_with_info(const std::filesystem::path& path, const ModelInfo& info) {
  onnx::ModelProto proto = onnx_files::parse_model(read_file(path), path.string());
  onnx_files::load_external_data(proto, path);
  auto& pairs = *proto.mutable_metadata_props();
  const auto ours = std::remove_if(pairs.begin(), pairs.end(), [](const onnx::StringStringEntryProto& pair) {
    return pair.key().starts_with("vitrail.");
  });
  pairs.erase(ours, pairs.end());
  for (const auto& [key, value] : metadata_from_info(info)) {
    onnx::StringStringEntryProto& pair = *proto.add_metadata_props();
    pair.set_key(key);
    pair.set_value(value);
  }
  std::string bytes;
  if (!proto.SerializeToString(&bytes))
    throw Error(ErrorKind::limit, {.where = path.string(),
                                   .found = "with its data it is too large for one ONNX file",
                                   .allowed = "less than 2 GiB"});
  return bytes;
}

}  // namespace vitrail
