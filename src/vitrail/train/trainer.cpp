#include "vitrail/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/train/fine_tune.h"
#include "vitrail/train/run_state.h"

namespace vitrail::train {
namespace {

constexpr int64_t default_checkpoint_every = 500;  // as recipe.h says

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What one optimiser step cost, over its accumulated batches.
struct StepFigures {
  double loss = 0;
  std::map<std::string, double> parts;
  double rate = 0;
  double gradient_norm = 0;
  std::vector<std::string> names;
};

std::string described(const std::map<std::string, double>& parts) {
  std::vector<std::string> items;
  for (const auto& [name, value] : parts)
    items.push_back(cat(name, " ", value));
  return join(items);
}

/// Steps between two lines of the log.
struct Window {
  int64_t steps = 0;
  TrainPoint sum;
  Clock::time_point start = Clock::now();

  void add(const StepFigures& figures) {
    ++steps;
    sum.loss += figures.loss;
    sum.gradient_norm += figures.gradient_norm;
    sum.rate = figures.rate;
    for (const auto& [name, value] : figures.parts)
      sum.parts[name] += value;
  }
  TrainPoint mean(int64_t step, int64_t images_per_step) const {
    TrainPoint point = sum;
    const auto n = static_cast<double>(steps);
    point.step = step;
    point.loss /= n;
    point.gradient_norm /= n;
    for (auto& [name, value] : point.parts)
      value /= n;
    point.images_per_second = n * static_cast<double>(images_per_step) / std::max(seconds_since(start), 1e-9);
    return point;
  }
};

/// The loop. Its order (evaluate, save, step) lets a run that was stopped between a step and its evaluation
/// make up for it.
class Loop {
 public:
  explicit Loop(RunState& run) : run_(run), recipe_(run.recipe) {
    run_.task->start(run.now.step * recipe_.train.accumulate);
  }

  void train() {
    for (;;) {
      if (evaluation_due()) evaluate();
      if (checkpoint_due()) run_.save();
      if (run_.now.step >= recipe_.train.steps) return;
      if (run_.cancelled()) throw Error(ErrorKind::cancelled, {.found = "cancelled"});
      one_step();
    }
  }

 private:
  bool evaluation_due() const {
    if (!run_.task->evaluates() || run_.now.step == 0 || run_.evaluated(run_.now.step)) return false;
    const int64_t every = recipe_.train.evaluate_every;
    return run_.now.step == recipe_.train.steps || (every > 0 && run_.now.step % every == 0);
  }
  bool checkpoint_due() const {
    if (run_.saved_step == run_.now.step) return false;
    int64_t every = recipe_.train.checkpoint_every;
    if (every == 0) every = recipe_.train.evaluate_every;
    if (every == 0) every = default_checkpoint_every;
    return run_.now.step == recipe_.train.steps || (run_.now.step > 0 && run_.now.step % every == 0);
  }

  /// What a validation picture or a full disk stops keeps the steps before it.
  void evaluate() {
    try {
      run_.evaluate_and_keep_best();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::cancelled && run_.saved_step != run_.now.step) run_.save();
      throw;
    }
  }

  void one_step() {
    const Clock::time_point start = Clock::now();
    const StepFigures figures = update();
    ++run_.now.step;
    const double seconds = seconds_since(start);
    run_.now.seconds += seconds;
    seconds_per_step_ = seconds_per_step_ == 0 ? seconds : 0.95 * seconds_per_step_ + 0.05 * seconds;
    window_.add(figures);
    if (run_.now.step % recipe_.train.log_every == 0 || run_.now.step == recipe_.train.steps) {
      run_.add(window_.mean(run_.now.step, images_per_step()));
      window_ = {};
    }
    show(figures);
  }

  StepFigures update() {
    StepFigures figures{.rate = run_.schedule.rate(run_.now.step)};
    run_.optimizer.zero_gradients();
    for (int64_t i = 0; i < recipe_.train.accumulate; ++i)
      accumulate(run_.now.step * recipe_.train.accumulate + i, figures);
    run_.task->before_update(run_.now.step);
    figures.gradient_norm = run_.optimizer.step(figures.rate);
    if (!std::isfinite(figures.gradient_norm))
      throw_not_finite(cat("the gradient's norm is ", figures.gradient_norm), figures);
    if (run_.average) run_.average->update(run_.module);
    return figures;
  }

  void accumulate(int64_t pass, StepFigures& figures) {
    const auto [value, names] =
        run_.task->pass(Random(recipe_.train.seed).fork(static_cast<uint64_t>(pass)).next());
    figures.names.insert(figures.names.end(), names.begin(), names.end());
    const auto share = 1 / static_cast<double>(recipe_.train.accumulate);
    const auto loss = value.total.item<double>();
    figures.loss += share * loss;
    for (const auto& [name, part] : value.parts)
      figures.parts[name] += share * part.item<double>();
    if (!std::isfinite(loss)) throw_not_finite(cat("the loss is ", loss), figures);
    (value.total * share).backward();
  }

  [[noreturn]] void throw_not_finite(const std::string& what, const StepFigures& figures) const {
    throw Error(ErrorKind::numeric,
                {.where = cat("step ", run_.now.step + 1),
                 .found = cat(what, " at learning rate ", figures.rate, " (", described(figures.parts),
                              "), images ", join(figures.names)),
                 .next = cat("The checkpoint of step ", std::max<int64_t>(run_.saved_step, 0),
                             " is good. Lower optimizer.rate, warm up (schedule.warmup_steps) or clip the "
                             "gradient (train.clip)")});
  }

  int64_t images_per_step() const { return recipe_.train.batch * recipe_.train.accumulate; }

  void show(const StepFigures& figures) const {
    Progress progress = run_.progress(Stage::training);
    progress.loss = figures.loss;
    progress.rate = figures.rate;
    progress.images_per_second = static_cast<double>(images_per_step()) / std::max(seconds_per_step_, 1e-9);
    progress.seconds_left = seconds_per_step_ * static_cast<double>(recipe_.train.steps - run_.now.step);
    run_.show(progress);
  }

  RunState& run_;
  const Recipe& recipe_;
  Window window_;
  double seconds_per_step_ = 0;
};

}  // namespace

struct Trainer::State {
  RunState run;
};

Trainer::Trainer(Recipe recipe, TrainOptions options) {
  const std::string source = recipe.source, folder = options.out_dir.string();
  try {
    state_.reset(new State{RunState(std::move(recipe), std::move(options))});
  } catch (const Error& error) {
    // What a recipe asks for and a lower layer refuses (a network, a pattern) is mended in the recipe.
    ErrorParts parts = error.parts();
    const bool placed =
        parts.where.find(source) != std::string::npos || parts.where.find(folder) != std::string::npos;
    if (error.kind() != ErrorKind::usage || placed) throw;
    parts.where = parts.where.empty() ? source : cat(source, ": ", parts.where);
    throw Error(error.kind(), parts);
  }
}

Trainer::~Trainer() = default;

const std::vector<std::string>& Trainer::start_notes() const {
  return state_->run.start_notes;
}

std::string Trainer::origin() const {
  const auto& notes = state_->run.model.info.notes;
  const auto note = notes.find(fine_tuned_note);
  return state_->run.recipe.net.from.empty() || note == notes.end() ? "" : note->second;
}

TrainResult Trainer::run() {
  RunState& run = state_->run;
  try {
    Loop(run).train();
    return run.finish();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::cancelled) throw;
    run.save();
    throw Error(ErrorKind::cancelled,
                {.where = run.options.out_dir.string(),
                 .found = cat("stopped at step ", run.now.step, " of ", run.recipe.train.steps),
                 .next = "A checkpoint was saved; --resume goes on from it"});
  }
}

}  // namespace vitrail::train
