// Every published data set in its real layout on disk: four pictures each, written here.

#include <functional>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <matio.h>
#include <tiffio.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/check.h"
#include "vitrail/data/cityscapes.h"
#include "vitrail/data/class_lists.h"
#include "vitrail/data/dataset.h"
#include "vitrail/data/further_labels.h"
#include "vitrail/data/loader.h"
#include "vitrail/data/mat_labels.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t height = 6, width = 8;
const std::vector<std::string> samples = {"a_0", "a_1", "b_2", "b_3"};

Image picture(size_t sample) {
  Image image(height, width);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(i * 7 + sample * 40);
  return image;
}

void write_picture(const fs::path& path, size_t sample) {
  fs::create_directories(path.parent_path());
  if (path.extension() == ".jpg")
    write_jpeg(path, picture(sample));
  else
    write_png(path, picture(sample));
}

// Labels of the files, different in every row, with `labels` from left to right.
LabelMap raw_labels(const std::vector<int64_t>& labels) {
  LabelMap map(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      map.at(y, x) = static_cast<uint16_t>(labels[static_cast<size_t>(x + y) % labels.size()]);
  return map;
}

void write_labels(const fs::path& path, const std::vector<int64_t>& labels) {
  fs::create_directories(path.parent_path());
  write_label_map(path, raw_labels(labels));
}

void write_list(const fs::path& path, const std::vector<std::string>& names) {
  fs::create_directories(path.parent_path());
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : "\n") + name;  // no newline at the end, as some published lists
  write_file_atomically(path, text);
}

// `variable` as a matrix of doubles, or the field after its dot as a uint8 matrix in a structure.
void write_mat(const fs::path& path, const std::string& variable, const std::vector<int64_t>& labels) {
  fs::create_directories(path.parent_path());
  const size_t dot = variable.find('.');
  size_t dims[2] = {height, width}, one[2] = {1, 1};
  std::vector<double> reals;
  std::vector<uint8_t> bytes;
  for (int64_t x = 0; x < width; ++x)
    for (int64_t y = 0; y < height; ++y) {
      reals.push_back(static_cast<double>(labels[static_cast<size_t>(x + y) % labels.size()]));
      bytes.push_back(static_cast<uint8_t>(reals.back()));
    }
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  ASSERT_NE(file, nullptr);
  const std::string outer = variable.substr(0, dot);
  matvar_t* matrix = dot == std::string::npos
                         ? Mat_VarCreate(outer.c_str(), MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, reals.data(), 0)
                         : Mat_VarCreate(nullptr, MAT_C_UINT8, MAT_T_UINT8, 2, dims, bytes.data(), 0);
  if (dot != std::string::npos) {
    const std::string field = variable.substr(dot + 1);
    const char* fields[] = {field.c_str()};
    matvar_t* structure = Mat_VarCreateStruct(outer.c_str(), 2, one, fields, 1);
    Mat_VarSetStructFieldByName(structure, fields[0], 0, matrix);
    matrix = structure;
  }
  ASSERT_EQ(Mat_VarWrite(file, matrix, MAT_COMPRESSION_ZLIB), 0);
  Mat_VarFree(matrix);
  Mat_Close(file);
}

void write_volume(const fs::path& path, size_t pages,
                  const std::function<uint8_t(size_t page, int64_t x)>& grey) {
  TIFF* tiff = TIFFOpen(path.c_str(), "w");
  ASSERT_NE(tiff, nullptr);
  for (size_t page = 0; page < pages; ++page) {
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<uint32_t>(width));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<uint32_t>(height));
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    for (uint32_t y = 0; y < height; ++y) {
      std::vector<uint8_t> row;
      for (int64_t x = 0; x < width; ++x)
        row.push_back(grey(page, x));
      TIFFWriteScanline(tiff, row.data(), y);
    }
    TIFFWriteDirectory(tiff);
  }
  TIFFClose(tiff);
}

struct Published {
  std::string name;
  std::string split;
  int64_t classes;
  std::function<void(const fs::path& root)> write;
  std::vector<int64_t> in_file;    ///< labels that the files hold ...
  std::vector<uint16_t> as_class;  ///< ... and what they mean
};

void PrintTo(const Published& data, std::ostream* out) {
  *out << data.name;
}

const std::vector<int64_t> voc_labels = {0, 1, 20, 255}, ids = {0, 2, 9, 459}, from_one = {0, 1, 5, 33},
                           ade_labels = {0, 1, 150, 2}, city_labels = {0, 7, 33, 29},
                           geo_labels = {-1, 1, 2, 3}, membranes = {0, 255}, nuclei = {0, 1, 77};

void for_all(const std::function<void(const std::string& name, size_t i)>& body) {
  for (size_t i = 0; i < samples.size(); ++i)
    body(samples[i], i);
}

void write_voc(const fs::path& root) {
  write_list(root / "VOC2012/ImageSets/Segmentation/train.txt", samples);
  for_all([&](const std::string& name, size_t i) {
    write_picture(root / "VOC2012/JPEGImages" / (name + ".jpg"), i);
    write_labels(root / "VOC2012/SegmentationClass" / (name + ".png"), voc_labels);
  });
}

void write_mat_set(const fs::path& root, const fs::path& list, const fs::path& images, const char* suffix,
                   const fs::path& labels, const char* variable, const std::vector<int64_t>& values) {
  write_list(root / list, samples);
  for_all([&](const std::string& name, size_t i) {
    write_picture(root / images / (name + suffix), i);
    write_mat(root / labels / (name + ".mat"), variable, values);
  });
}

void write_ade20k(const fs::path& root) {
  for_all([&](const std::string& name, size_t i) {
    write_picture(root / "images/validation" / (name + ".jpg"), i);
    write_labels(root / "annotations/validation" / (name + ".png"), ade_labels);
  });
}

void write_cityscapes(const fs::path& root) {
  for_all([&](const std::string& name, size_t i) {
    const std::string city = i < 2 ? "ulm" : "bonn", frame = city + "_000000_" + name;
    write_picture(root / "leftImg8bit/val" / city / (frame + "_leftImg8bit.png"), i);
    write_labels(root / "gtFine/val" / city / (frame + "_gtFine_labelIds.png"), city_labels);
  });
}

void write_isbi_volumes(const fs::path& root) {
  write_volume(root / "train-volume.tif", 4,
               [](size_t page, int64_t x) { return uint8_t(page * 50 + size_t(x)); });
  write_volume(root / "train-labels.tif", 4, [](size_t, int64_t x) { return uint8_t(x % 2 == 0 ? 0 : 255); });
}

void write_isbi_files(const fs::path& root) {
  for_all([&](const std::string& name, size_t i) {
    write_picture(root / "image" / (name + ".png"), i);
    write_labels(root / "label" / (name + ".png"), membranes);
  });
}

void write_dsb2018(const fs::path& root) {
  std::vector<std::string> files;
  for_all([&](const std::string& name, size_t i) {
    files.push_back(name + ".png");
    write_picture(root / "images" / files.back(), i);
    write_labels(root / "instances" / files.back(), nuclei);
  });
  write_list(root / "train.txt", files);
}

std::vector<Published> published() {
  const std::string flow = "spatial_envelope_256x256_static_8outdoorcategories";
  const auto mat = [](const char* list, const fs::path& images, const char* suffix, const fs::path& labels,
                      const char* variable, const std::vector<int64_t>& values) {
    return [=](const fs::path& root) { write_mat_set(root, list, images, suffix, labels, variable, values); };
  };
  const auto context = mat("val.txt", "JPEGImages", ".jpg", "trainval", "LabelMap", ids);
  return {
      {"voc", "train", 21, write_voc, voc_labels, {0, 1, 20, 255}},
      {"sbd",
       "train",
       21,
       mat("train.txt", "img", ".jpg", "cls", "GTcls.Segmentation", {0, 1, 20}),
       {0, 1, 20},
       {0, 1, 20}},
      {"pascal-context-59", "val", 59, context, ids, {255, 0, 1, 255}},
      {"pascal-context-60", "val", 60, context, ids, {0, 1, 2, 0}},
      {"pascal-context-fcn", "val", 60, context, ids, {0, 1, 21, 0}},
      {"ade20k", "val", 150, write_ade20k, ade_labels, {255, 0, 149, 1}},
      {"cityscapes", "val", 19, write_cityscapes, city_labels, {255, 0, 18, 255}},
      {"nyud",
       "test",
       40,
       mat("test.txt", "images", ".png", "segmentation", "segmentation", from_one),
       from_one,
       {255, 0, 4, 32}},
      {"nyud-hha",
       "train",
       40,
       mat("train.txt", "data/hha", ".png", "segmentation", "segmentation", from_one),
       from_one,
       {255, 0, 4, 32}},
      {"nyud-rgb-hha",
       "test",
       40,
       [=](const fs::path& root) {
         for (const char* folder : {"data/hha", "images"})
           mat("test.txt", folder, ".png", "segmentation", "segmentation", from_one)(root);
       },
       from_one,
       {255, 0, 4, 32}},
      {"sift-flow",
       "test",
       33,
       mat("test.txt", "Images/" + flow, ".jpg", "SemanticLabels/" + flow, "S", from_one),
       from_one,
       {255, 0, 4, 32}},
      {"sift-flow-geo",
       "trainval",
       3,
       [=](const fs::path& root) {
         fs::create_directories(root / "SemanticLabels");
         write_mat_set(root, "trainval.txt", "Images/" + flow, ".jpg", "GeoLabels/" + flow, "S", geo_labels);
       },
       geo_labels,
       {255, 0, 1, 2}},
      {"isbi2012", "train", 2, write_isbi_volumes, membranes, {0, 1}},
      {"isbi2012", "train24", 2, write_isbi_files, membranes, {0, 1}},
      {"dsb2018", "train", 2, write_dsb2018, nuclei, {0, 1, 1}},
  };
}

class EveryPublishedSet : public testing::TestWithParam<Published> {};

TEST_P(EveryPublishedSet, IsReadFromItsLayoutOnDisk) {
  const Published& expected = GetParam();
  const TemporaryFolder folder;
  expected.write(folder.path());
  const std::string spec = expected.name + ":" + folder.path().string();
  const auto data = open_dataset(spec, expected.split);
  ASSERT_EQ(data->size(), 4);
  EXPECT_EQ(static_cast<int64_t>(data->classes().size()), expected.classes);
  const bool volume = data->image_path(0).extension() == ".tif";
  for (int64_t i = 0; i < 4; ++i) {
    const Sample sample = data->load(i);
    ASSERT_EQ(sample.image.height, height);
    ASSERT_EQ(sample.image.width, width);
    EXPECT_EQ(sample.name, data->name(i));
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const size_t at = static_cast<size_t>(volume ? x : x + y) % expected.as_class.size();
        ASSERT_EQ(sample.labels.at(y, x), expected.as_class[at]) << sample.name << " " << x << "," << y;
      }
  }
}

TEST_P(EveryPublishedSet, PassesTheChecker) {
  const TemporaryFolder folder;
  GetParam().write(folder.path());
  const DatasetReport report = check_dataset(GetParam().name + ":" + folder.path().string());
  for (const FindingGroup& finding : report.findings) {
    // ISBI's val6 begins behind the 24th slice; here are four.
    const bool too_few = finding.first.at(0).detail == "split val6 has no picture";
    EXPECT_TRUE(finding.severity != Severity::error || finding.kind == "same-image-in-two-splits" || too_few)
        << to_text(report);
  }
}

TEST_P(EveryPublishedSet, AFolderThatIsNoneIsRefusedWithItsLayout) {
  const TemporaryFolder folder;
  try {
    open_dataset(GetParam().name + ":" + folder.path().string(), GetParam().split);
    FAIL() << "an empty folder was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::file);
    EXPECT_THAT(error.what(), testing::HasSubstr(folder.path().string()));
  }
}

INSTANTIATE_TEST_SUITE_P(Data, EveryPublishedSet, testing::ValuesIn(published()),
                         [](const testing::TestParamInfo<Published>& test) {
                           std::string name = test.param.name + "_" + test.param.split;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PublishedSets, AMissingImageIsNamedWithItsList) {
  const TemporaryFolder folder;
  write_voc(folder.path());
  fs::remove(folder.path() / "VOC2012/JPEGImages/b_2.jpg");
  try {
    open_dataset("voc:" + folder.path().string(), "train");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("b_2"));
    EXPECT_THAT(error.what(), testing::HasSubstr("train.txt"));
  }
}

TEST(PublishedSets, ClassListsHaveTheirPublishedOrder) {
  EXPECT_EQ(voc_classes()[15].name, "person");
  EXPECT_EQ(voc_classes()[15].color, (std::array<uint8_t, 3>{192, 128, 128}));
  EXPECT_EQ(ade20k_classes().size(), 150u);
  EXPECT_EQ(ade20k_classes()[0].name, "wall");
  EXPECT_EQ(ade20k_classes()[149].name, "flag");
  EXPECT_EQ(ade20k_classes()[2].color, (std::array<uint8_t, 3>{6, 230, 230}));
  EXPECT_EQ(nyud40_classes().back().name, "otherprop");
  EXPECT_EQ(sift_flow_classes()[32].name, "window");
  const auto by_id = context_classes(ContextOrder::by_id), fcn = context_classes(ContextOrder::fcn);
  EXPECT_EQ(by_id[1].info.name, "bag");
  EXPECT_EQ(fcn[1].info.name, "bicycle");
  EXPECT_EQ(fcn[1].id, 23);
  EXPECT_EQ(by_id.back().id, 458);
  int64_t sum = 0;
  for (const auto& each : fcn)
    sum += each.id;
  EXPECT_EQ(sum, std::accumulate(by_id.begin(), by_id.end(), int64_t{0},
                                 [](int64_t s, const ContextClass& c) { return s + c.id; }));
}

// SIFT Flow's two kinds of labels, from its folder as it is published, through batches.
TEST(PublishedSets, SiftFlowsGeometryStandsBesideItsObjects) {
  const TemporaryFolder folder;
  for (const Published& each : published())
    if (each.name.starts_with("sift-flow")) each.write(folder.path());
  write_list(folder.path() / "test.txt", samples);
  const auto open = [&](const std::string& name, const std::string& split) {
    return open_dataset(cat(name, ":", folder.path().string()), split);
  };
  std::vector<std::unique_ptr<Dataset>> geometry;
  geometry.push_back(open("sift-flow-geo", "test"));
  const auto both = with_further_labels(open("sift-flow", "test"), std::move(geometry));
  ASSERT_EQ(both->size(), 4);
  EXPECT_EQ(both->classes().size(), 33u);
  const auto objects = open("sift-flow", "test"), layout = open("sift-flow-geo", "test");
  for (int64_t i = 0; i < 4; ++i) {
    const Sample sample = both->load(i);
    EXPECT_EQ(sample.labels.labels, objects->load(i).labels.labels);
    ASSERT_EQ(sample.further.size(), 1u);
    EXPECT_EQ(sample.further[0].labels, layout->load(i).labels.labels);
    EXPECT_NE(sample.further[0].labels, sample.labels.labels);
  }
  Loader loader(*both, {}, {}, {.batch = 4, .seed = 3});
  const Batch batch = loader.next();
  ASSERT_EQ(batch.further.size(), 1u);
  EXPECT_EQ(batch.further[0].shape(), batch.labels.shape());
  for (size_t n = 0; n < 4; ++n) {
    const Sample sample = both->load(shuffled_index(3, 4, static_cast<int64_t>(n)));
    const auto plane = static_cast<size_t>(height * width);
    for (size_t i = 0; i < plane; ++i) {
      ASSERT_EQ(batch.labels.data<int64_t>()[n * plane + i], sample.labels.labels[i]);
      ASSERT_EQ(batch.further[0].data<int64_t>()[n * plane + i], sample.further[0].labels[i]);
    }
  }
}

TEST(PublishedSets, FurtherLabelsAreOfTheSamePictures) {
  const TemporaryFolder folder;
  const fs::path here = folder.path() / "here", there = folder.path() / "there";
  for (const Published& each : published())
    if (each.name == "sift-flow") {
      each.write(here);
      each.write(there);
    }
  const auto with = [&](const std::vector<std::string>& names) {
    write_list(there / "test.txt", names);
    std::vector<std::unique_ptr<Dataset>> others;
    others.push_back(open_dataset("sift-flow:" + there.string(), "test"));
    with_further_labels(open_dataset("sift-flow:" + here.string(), "test"), std::move(others));
  };
  EXPECT_NO_THROW(with(samples));
  EXPECT_THROW(with({samples[0], samples[1], samples[2]}), Error);
  EXPECT_THROW(with({samples[0], samples[2], samples[1], samples[3]}), Error);
}

TEST(PublishedSets, ACityscapesSubmissionHoldsLabelIds) {
  LabelMap classes(1, 3);
  classes.labels = {0, 18, 255};
  EXPECT_EQ(cityscapes_label_ids(classes).labels, (std::vector<uint16_t>{7, 33, 0}));
  classes.labels[0] = 19;
  EXPECT_THROW(cityscapes_label_ids(classes), Error);
}

TEST(PublishedSets, TheRealMicroscopyDataIsWhole) {
  const fs::path shared = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data";
  if (!fs::exists(shared / "dsb2018")) GTEST_SKIP() << "no data at " << shared;
  const std::string nuclei_spec = "dsb2018:" + (shared / "dsb2018").string(),
                    slices_spec = "isbi2012:" + (shared / "isbi2012").string();
  EXPECT_EQ(open_dataset(nuclei_spec, "train+val+test")->size(), 371 + 46 + 47);
  EXPECT_EQ(open_dataset(slices_spec, "train")->size(), 30);
  EXPECT_EQ(open_dataset(slices_spec, "train24+val6")->size(), 30);
  const Sample slice = open_dataset(slices_spec, "val6")->load(5);
  EXPECT_EQ(slice.image.width, 512);
  for (const uint16_t label : slice.labels.labels)
    ASSERT_LT(label, 2);
}

TEST(MatLabels, WhatIsNoLabelMatrixIsRefused) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.mat";
  EXPECT_THROW(read_mat_labels(path, "S"), Error) << "missing";
  write_file_atomically(path, "MATLAB 5.0 MAT-file, but no more than that");
  EXPECT_THROW(read_mat_labels(path, "S"), Error) << "not a MAT file";
  write_mat(path, "S", {0, 1});
  EXPECT_THROW(read_mat_labels(path, "T"), Error) << "another variable";
  EXPECT_THROW(read_mat_labels(path, "S.inner"), Error) << "no structure";
  EXPECT_EQ(read_mat_labels(path, "S").at(2, 3), 1);
  write_mat(path, "S", {70000});
  EXPECT_THROW(read_mat_labels(path, "S"), Error) << "too large a label";
}

TEST(MatLabels, DamagedFilesNeverCrash) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.mat";
  write_mat(path, "GTcls.Segmentation", {0, 1, 20});
  const std::string whole = read_file(path);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    write_file_atomically(path, whole.substr(0, cut));
    EXPECT_THROW(read_mat_labels(path, "GTcls.Segmentation"), Error) << cut << " bytes";
  }
  for (size_t at = 128; at < whole.size(); ++at) {  // another answer is possible, a crash is not
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    write_file_atomically(path, damaged);
    try {
      read_mat_labels(path, "GTcls.Segmentation");
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace vitrail
