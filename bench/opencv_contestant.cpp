#include <chrono>

#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

#include "bench/contestant.h"
#include "bench/opencv_file.h"
#include "vitrail/base/file.h"

namespace vitrail::bench {
namespace {

class OpenCvContestant : public Contestant {
 public:
  OpenCvContestant(const Case& net, const Files& files, int threads)
      : net_(read(files)), threads_(threads), tensor_(input_of(net)) {
    net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    const std::vector<int> sizes(net.input.begin(), net.input.end());
    input_ = cv::Mat(sizes, CV_32F, tensor_.data<float>().data());
  }

  double run() override {
    cv::setNumThreads(threads_);
    const auto start = std::chrono::steady_clock::now();
    net_.setInput(input_);
    output_ = net_.forward();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::vector<float> outputs() override {
    cv::Mat values;
    output_.reshape(1, 1).convertTo(values, CV_32F);
    return {values.begin<float>(), values.end<float>()};
  }

 private:
  static cv::dnn::Net read(const Files& files) {
    const std::string bytes = for_opencv(read_file(files.onnx));
    return cv::dnn::readNetFromONNX(bytes.data(), bytes.size());
  }

  cv::dnn::Net net_;
  int threads_;
  Tensor tensor_;
  cv::Mat input_, output_;
};

}  // namespace

std::unique_ptr<Contestant> make_opencv(const Case& net, const Files& files, int threads) {
  return std::make_unique<OpenCvContestant>(net, files, threads);
}

}  // namespace vitrail::bench
