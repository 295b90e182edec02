#pragma once
// Runs as COCO's JSON has them. Internal to data/.

#include "vitrail/data/json_fields.h"
#include "vitrail/image/rle.h"

namespace vitrail {

/// The largest side of a picture in COCO's files; JPEG knows no larger one.
constexpr int64_t most_side = 1 << 16;

/// {"size": [height, width], "counts": text or numbers}. Throws Error(format) naming file and key.
Rle rle_from_json(const JsonFields& fields);
nlohmann::ordered_json json_from_rle(const Rle& rle);

}  // namespace vitrail
