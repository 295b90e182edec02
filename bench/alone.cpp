// bench_alone MODEL.onnx SHAPE THREADS: runs the engine three times and prints the peak memory of the
// process, in bytes. Linked with nothing but the library, so that the figure is ours.

#include <iostream>
#include <sstream>

#include "vitrail/base/peak_memory.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: bench_alone MODEL.onnx 1x3x1024x2048 THREADS\n";
    return 2;
  }
  try {
    vitrail::Shape shape;
    std::istringstream sizes(argv[2]);
    for (std::string size; std::getline(sizes, size, 'x');)
      shape.push_back(std::stoll(size));
    std::unique_ptr<vitrail::Engine> engine;
    {
      const vitrail::Model model = vitrail::read_onnx(argv[1]);
      engine = std::make_unique<vitrail::Engine>(model.graph, model.weights,
                                                 vitrail::EngineOptions{.threads = std::stoi(argv[3])});
    }
    const vitrail::Tensor input = vitrail::Tensor::zeros(vitrail::DataType::f32, shape);
    for (int i = 0; i < 3; ++i)
      engine->run({input});
    std::cout << vitrail::peak_resident_bytes() << std::endl;
    return 0;
  } catch (const std::exception& fault) {
    std::cerr << "bench_alone: " << fault.what() << std::endl;
    return 1;
  }
}
