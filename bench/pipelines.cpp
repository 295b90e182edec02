#include "bench/pipelines.h"

#include <chrono>

#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/label_png.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/predict/semantic.h"

namespace vitrail::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class OwnPipeline : public Contestant {
 public:
  OwnPipeline(const PipelineFiles& files, int threads, Precision precision)
      : files_(files),
        predictor_(read_model(files.model), {.engine = {.threads = threads, .precision = precision}}) {
    for (const ClassInfo& c : predictor_.info().classes)
      palette_.push_back(c.color);
  }

  double run() override {
    const Clock::time_point start = Clock::now();
    labels_ = predictor_.predict_file(read_file(files_.picture), files_.picture);
    write_label_map(files_.out, labels_, palette_);
    return seconds_since(start);
  }

  std::vector<float> outputs() override { return {labels_.labels.begin(), labels_.labels.end()}; }

 private:
  PipelineFiles files_;
  SemanticPredictor predictor_;
  std::vector<Rgb> palette_;
  LabelMap labels_;
};

class OnnxRuntimePipeline : public Contestant {
 public:
  OnnxRuntimePipeline(const Case& net, const PipelineFiles& files, int threads)
      : files_(files),
        preprocessing_(net.model.info.preprocessing),
        network_(make_onnxruntime(net, files.exported, threads)),
        threads_(threads) {}

  double run() override {
    cv::setNumThreads(threads_);
    const double network = network_->run();
    if (labels_.empty()) labels_ = network_->outputs();
    const std::vector<int64_t> indices(labels_.begin(), labels_.end());
    const Clock::time_point start = Clock::now();
    const cv::Mat picture = cv::imread(files_.picture, cv::IMREAD_COLOR);
    const double mean = preprocessing_.mean.at(0), scale = 1 / preprocessing_.std.at(0);
    const cv::Mat input = cv::dnn::blobFromImage(picture, scale, picture.size(), cv::Scalar::all(mean), true);
    cv::Mat labels(picture.size(), CV_8U);
    for (size_t i = 0; i < indices.size(); ++i)
      labels.data[i] = static_cast<uint8_t>(indices[i]);
    cv::imwrite(files_.out, labels);
    return seconds_since(start) + network;
  }

  std::vector<float> outputs() override { return labels_; }

 private:
  PipelineFiles files_;
  Preprocessing preprocessing_;
  std::unique_ptr<Contestant> network_;
  int threads_;
  std::vector<float> labels_;
};

}  // namespace

std::unique_ptr<Contestant> make_own_pipeline(const PipelineFiles& files, int threads, Precision precision) {
  return std::make_unique<OwnPipeline>(files, threads, precision);
}

std::unique_ptr<Contestant> make_onnxruntime_pipeline(const Case& net, const PipelineFiles& files,
                                                      int threads) {
  return std::make_unique<OnnxRuntimePipeline>(net, files, threads);
}

Case pipeline_case(const std::string& path, int64_t height, int64_t width) {
  const Model model = read_model(path);
  const PredictionGraph labels = prediction_graph(model, Ending::labels);
  Case net{
      "street", cat("street model, JPEG file to label PNG, ", height, "x", width), {}, {1, 3, height, width}};
  net.model.graph = labels.graph;
  net.model.weights = labels.weights;
  net.model.info = model.info;
  return net;
}

}  // namespace vitrail::bench
