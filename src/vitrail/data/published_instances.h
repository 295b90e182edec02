#pragma once
// Instances of data sets that are also read for their classes (dataset.h): nuclei of the Data Science Bowl
// 2018 and Cityscapes' eight kinds of road users.

#include "vitrail/data/instance_dataset.h"

namespace vitrail {

InstanceDatasetEntry dsb2018_instances_entry();

/// Objects are those of gtFine's instanceIds PNGs (SPEC 13): id * 1000 + n is an object, the id alone a group
/// of a class that has objects, which is a crowd here.
InstanceDatasetEntry cityscapes_instances_entry();

/// Label ids of the classes that have objects: person, rider, car, truck, bus, train, motorcycle, bicycle.
const std::vector<int64_t>& cityscapes_instance_ids();

/// The instanceIds PNG of a picture's labelIds PNG.
std::filesystem::path cityscapes_instance_file(const std::filesystem::path& label_ids);

}  // namespace vitrail
