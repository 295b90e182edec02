#pragma once
// What the objects of one picture, or of one COCO file, show on their own. Internal to data/.

#include "vitrail/data/coco_file.h"
#include "vitrail/data/findings.h"
#include "vitrail/data/inspect_sample.h"
#include "vitrail/data/instance_dataset.h"

namespace vitrail {

struct ObjectFacts {
  bool is_read = false;
  int64_t objects = 0, crowds = 0, small = 0, medium = 0, large = 0;
  std::vector<int64_t> objects_of_class;
};

/// Adds what the objects of picture `index` show to `facts` (whose picture was inspected before).
ObjectFacts inspect_objects(const InstanceDataset& dataset, int64_t index, SampleFacts& facts);

/// The kind under which a fault of a COCO file is reported.
const FindingKind& kind_of(const CocoFault& fault);

/// What only the file as a whole shows: pictures that are there twice, category names that are, polygons that
/// leave their picture.
void inspect_coco(const std::filesystem::path& json, const CocoFile& file, Findings& findings);

}  // namespace vitrail
