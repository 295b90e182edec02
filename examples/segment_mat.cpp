// Labels what OpenCV reads, without copying it first: segment_mat MODEL.onnx PICTURE OVERLAY.png
//
// vitrail_image takes any rows of 8-bit pixels, so a cv::Mat goes in as it is: B, G, R, with its step as the
// stride.

#include <iostream>
#include <memory>
#include <stdexcept>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vitrail.h>

namespace {

void check(vitrail_status status, const vitrail_error& error) {
  if (status != VITRAIL_OK) throw std::runtime_error(error.text);
}

/// The class index of every pixel of `bgr` (CV_8UC3, also a region of a larger picture).
cv::Mat labels_of(const vitrail_model* model, const cv::Mat& bgr) {
  vitrail_image image = VITRAIL_IMAGE_INIT;
  image.pixels = bgr.data;
  image.height = bgr.rows;
  image.width = bgr.cols;
  image.stride = static_cast<int64_t>(bgr.step);
  image.order = VITRAIL_BGR;
  cv::Mat labels(bgr.size(), CV_8UC1);
  vitrail_error error = VITRAIL_ERROR_INIT;
  check(vitrail_segment(model, &image, labels.data, static_cast<int64_t>(labels.step), nullptr, &error),
        error);
  return labels;
}

/// The classes' colours over half of the picture's.
cv::Mat painted(const vitrail_model* model, const cv::Mat& bgr, const cv::Mat& labels) {
  cv::Mat palette(1, 256, CV_8UC3, cv::Scalar::all(0)), colors, result;
  for (int32_t i = 0; i < vitrail_class_count(model); ++i) {
    uint8_t rgb[3] = {};
    vitrail_class_color(model, i, rgb, nullptr);
    palette.at<cv::Vec3b>(i) = {rgb[2], rgb[1], rgb[0]};
  }
  cv::cvtColor(labels, colors, cv::COLOR_GRAY2BGR);
  cv::LUT(colors, palette, colors);
  cv::addWeighted(bgr, 0.5, colors, 0.5, 0, result);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: segment_mat MODEL.onnx PICTURE OVERLAY.png\n";
    return 2;
  }
  try {
    vitrail_error error = VITRAIL_ERROR_INIT;
    vitrail_model* opened = nullptr;
    check(vitrail_open_file(argv[1], nullptr, &opened, &error), error);
    const std::unique_ptr<vitrail_model, decltype(&vitrail_close)> model(opened, vitrail_close);
    const cv::Mat bgr = cv::imread(argv[2], cv::IMREAD_COLOR);
    if (bgr.empty()) throw std::runtime_error(std::string(argv[2]) + " is no picture");
    const cv::Mat labels = labels_of(model.get(), bgr);
    if (!cv::imwrite(argv[3], painted(model.get(), bgr, labels)))
      throw std::runtime_error("cannot write the overlay");
    std::cout << labels.cols << "x" << labels.rows << " labelled\n";
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "segment_mat: " << fault.what() << "\n";
    return 1;
  }
}
