#pragma once
// The objects of an instance data set, each cut out and as large as the others: the thesis's study of what a
// branch must do with a person (its section 4.3), over any data of data/instance_dataset.h.
//
//   crops:person,320x192,0.05:coco:/data/coco        CLASS,HEIGHTxWIDTH,MARGIN, then the data of the objects
//
// A sample is one object: its box grown by MARGIN of itself on every side, then, about the same centre, to
// the proportions of HEIGHTxWIDTH; cut out and resized. Labels are 0 background and 1 CLASS, for the object
// in the middle alone: others of the class are background. What lies outside of the picture is grey, and
// ignored. CLASS "any" takes objects of all classes. Crowds are left out, and objects without a pixel.

#include <filesystem>
#include <string>

#include "vitrail/data/dataset.h"
#include "vitrail/data/instance_dataset.h"

namespace vitrail {

struct ObjectCropOptions {
  std::string of_class = "any";
  int64_t height = 320, width = 192;
  double margin = 0;  ///< of the box's sides, on each side
};

DatasetEntry object_crops_entry();

/// One sample per object of `objects`, which it keeps. Throws Error(usage) for a class that it has not, a
/// size or margin out of range, and where no object is left.
std::unique_ptr<Dataset> object_crops(std::unique_ptr<InstanceDataset> objects,
                                      const ObjectCropOptions& options);

/// The box that is cut out for an object's.
Box object_crop_box(const Box& object, const ObjectCropOptions& options);

}  // namespace vitrail
