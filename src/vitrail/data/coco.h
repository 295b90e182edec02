#pragma once
// COCO and whatever is written in its format: an instances JSON and a folder of pictures.
//
//   coco:FILE.json   pictures beside it, in images/, ../images/ or COCO's own ../SPLIT/
//   coco:FOLDER      FOLDER/annotations/instances_SPLIT.json (or FOLDER/instances_SPLIT.json)
//
// Classes are the categories by ascending id.

#include "vitrail/data/coco_file.h"
#include "vitrail/data/instance_dataset.h"

namespace vitrail {

InstanceDatasetEntry coco_entry();

/// The splits' JSON files, by split: one, called "all", where `root` is a file itself. Throws Error(file)
/// where there is none.
std::vector<std::pair<std::string, std::filesystem::path>> coco_files(const std::filesystem::path& root);

/// The data set of an instances file that was read; throws Error(format) if it has no picture.
std::unique_ptr<InstanceDataset> coco_dataset(const std::filesystem::path& json, CocoFile file);

/// The folder that holds the picture `file_name` of an instances file: the first of those named above; the
/// file's own folder where none does.
std::filesystem::path coco_picture_folder(const std::filesystem::path& json, const std::string& file_name);

}  // namespace vitrail
