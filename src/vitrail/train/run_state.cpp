#include "vitrail/train/run_state.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/dataset.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/image/image_file.h"
#include "vitrail/train/comparison.h"
#include "vitrail/train/finish.h"
#include "vitrail/train/setup.h"
#include "vitrail/train/start_weights.h"
#include "vitrail/weights/model_info.h"

namespace vitrail::train {
namespace {

bool is_kind_of_dataset(const std::string& name) {
  const auto named = [&](const auto& entry) { return entry.name == name; };
  return std::any_of(dataset_entries().begin(), dataset_entries().end(), named) ||
         std::any_of(instance_dataset_entries().begin(), instance_dataset_entries().end(), named);
}

Recipe with_dataset(Recipe recipe, const std::string& dataset) {
  if (!dataset.empty()) recipe.data.dataset = dataset;
  if (recipe.data.dataset.find(':') != std::string::npos) return recipe;
  if (!is_kind_of_dataset(recipe.data.dataset)) parse_dataset_spec(recipe.data.dataset);  // throws
  throw Error(ErrorKind::usage, {.where = recipe.source,
                                 .found = cat("data.dataset is '", recipe.data.dataset, "', without a path"),
                                 .allowed = "NAME:PATH",
                                 .next = cat("Give the path with --data ", recipe.data.dataset, ":PATH")});
}

/// The keys that do not change the weights, and those that a resumed run may change, made equal.
Recipe comparable(Recipe recipe, const Recipe& other) {
  recipe.data.dataset = other.data.dataset;
  recipe.data.loader_threads = other.data.loader_threads;
  recipe.net.pretrained = other.net.pretrained;
  if (!recipe.net.from.empty() && !other.net.from.empty()) recipe.net.from = other.net.from;
  recipe.net.start = other.net.start;
  recipe.net.start_parts = other.net.start_parts;
  recipe.train.steps = other.train.steps;
  recipe.train.threads = other.train.threads;
  recipe.train.evaluate_every = other.train.evaluate_every;
  recipe.train.checkpoint_every = other.train.checkpoint_every;
  recipe.train.log_every = other.train.log_every;
  recipe.evaluate = other.evaluate;
  return recipe;
}

std::optional<Checkpoint> checkpoint_to_resume(const Recipe& recipe, const TrainOptions& options) {
  std::optional<Checkpoint> checkpoint = read_checkpoint(options.out_dir, "last");
  if (checkpoint && !options.resume)
    throw Error(ErrorKind::usage, {.where = options.out_dir.string(),
                                   .found = cat("holds a run at step ", checkpoint->step),
                                   .next = "Go on with --resume, or choose another --out"});
  if (checkpoint) {
    const Recipe was = parse_recipe(checkpoint->recipe, (options.out_dir / "last.json").string());
    const std::vector<std::string> differences = recipe_differences(comparable(was, recipe), recipe);
    if (!differences.empty())
      throw Error(ErrorKind::usage, {.where = options.out_dir.string(),
                                     .found = cat("holds a run of another recipe: ", join(differences, "; ")),
                                     .next = "Resume with the same recipe, or choose another --out"});
  }
  remove_leftovers(options.out_dir, "last");
  remove_leftovers(options.out_dir, "best");
  return checkpoint;
}

Model described_network(const Recipe& recipe, const Task& task) {
  Model model = network_of(recipe, task.classes());
  const Recipe shared = without_paths(recipe);
  task.describe(model.info);
  model.info.dataset = shared.data.dataset;
  model.info.recipe = recipe_to_toml(shared);
  return model;
}

}  // namespace

RunState::RunState(Recipe from, TrainOptions how)
    : recipe(with_dataset(std::move(from), how.dataset)),
      options(std::move(how)),
      lock(options.out_dir),
      task(make_task(recipe)),
      resumed(checkpoint_to_resume(recipe, options)),
      model(described_network(recipe, *task)),
      module(model.graph, starting_weights(),
             {.frozen = recipe.train.freeze,
              .frozen_batch_norm = recipe.train.freeze_statistics,
              .upsample_in_loss = true}),
      optimizer(module.learnable(), optimizer_options(recipe, module.learnable())),
      schedule(schedule_options(recipe)),
      log(options.out_dir / "log.jsonl", resumed ? resumed->step : 0),
      events(options.out_dir / "tensorboard", resumed ? resumed->step : 0) {
  model.weights.clear();
  task->prepare(model, module, tell(Stage::preparing));
  for (const std::string& note : task->notes())
    start_notes.push_back(note);
  if (options.resume && !resumed)
    start_notes.push_back(cat("--resume: there is no checkpoint in ", options.out_dir.string(),
                              ", so it starts from the beginning"));
  if (recipe.train.ema > 0) average.emplace(module, EmaOptions{.decay = recipe.train.ema});
  if (resumed) take_up_checkpoint();
  now.recipe = recipe_to_toml(recipe);
  now.environment = environment();
  now.metadata = metadata_from_info(model.info);
}

Weights RunState::starting_weights() {
  if (resumed) return resumed->model;
  StartWeights start = start_weights(recipe, model, options.pretrained);
  start_notes = std::move(start.notes);
  return std::move(start.weights);
}

void RunState::take_up_checkpoint() {
  optimizer.load_state(resumed->optimizer);
  if (average) average->load_state(resumed->average);
  now = std::move(*resumed);
  resumed.reset();
  saved_step = now.step;
}

Progress RunState::progress(Stage stage) const {
  Progress state;
  state.stage = stage;
  state.step = now.step;
  state.steps = recipe.train.steps;
  state.best_score = now.best_score;
  state.best_step = now.best_step;
  return state;
}

void RunState::show(const Progress& state) const {
  if (options.progress) options.progress(state);
}

void RunState::add(const TrainPoint& point) {
  now.history.train.push_back(point);
  log.write(point);
  events.scalar("train/loss", point.step, point.loss);
  for (const auto& [name, value] : point.parts)
    events.scalar("train/" + name, point.step, value);
  events.scalar("train/rate", point.step, point.rate);
  events.scalar("train/gradient_norm", point.step, point.gradient_norm);
  events.scalar("train/images_per_second", point.step, point.images_per_second);
  events.flush();
}

void RunState::add(const EvaluationPoint& point) {
  now.history.evaluations.push_back(point);
  const std::vector<std::string> names = class_names();
  log.write(point, names);
  for (const Figure& figure : point.figures)
    if (figure.value) events.scalar("val/" + figure.name, point.step, *figure.value);
  for (size_t c = 0; c < point.class_scores.size(); ++c)
    if (point.class_scores[c])
      events.scalar(cat("val/", point.class_figure, "/", names.at(c)), point.step, *point.class_scores[c]);
  events.flush();
}

void RunState::add_pictures() {
  for (const ReportPicture& picture : task->pictures(recipe.evaluate.report_images)) {
    const Image shown = comparison(picture.truth, picture.prediction);
    events.image("val/" + picture.name, now.step, encode_png(shown), shown.height, shown.width);
  }
  events.flush();
}

bool RunState::evaluated(int64_t step) const {
  return std::any_of(now.history.evaluations.begin(), now.history.evaluations.end(),
                     [&](const EvaluationPoint& point) { return point.step == step; });
}

Weights RunState::weights_to_evaluate() const {
  return average ? average->weights() : module.weights();
}

GoOn RunState::tell(Stage stage) const {
  return [this, stage](int64_t done, int64_t total) {
    Progress state = progress(stage);
    state.done = done;
    state.total = total;
    show(state);
    return !cancelled();
  };
}

EvaluationPoint RunState::evaluate(const Weights& weights, Stage stage, int64_t images) {
  EvaluationPoint point = task->evaluate(weights, images, tell(stage));
  point.step = now.step;
  return point;
}

void RunState::evaluate_and_keep_best() {
  const Weights weights = weights_to_evaluate();
  const EvaluationPoint point = evaluate(weights, Stage::evaluating, recipe.evaluate.images);
  if (point.score() && (!now.best_score || *point.score() > *now.best_score)) {
    now.best_score = point.score();
    now.best_step = now.step;
    Checkpoint best = now;
    best.model = weights;
    write_checkpoint(options.out_dir, "best", best);
  }
  add(point);
  add_pictures();
  Progress state = progress(Stage::evaluating);
  state.evaluation = point;
  show(state);
}

void RunState::save() {
  Checkpoint checkpoint = now;
  checkpoint.model = module.weights();
  checkpoint.optimizer = optimizer.state();
  if (average) checkpoint.average = average->state();
  write_checkpoint(options.out_dir, "last", checkpoint);
  saved_step = now.step;
}

std::pair<Weights, int64_t> RunState::best() const {
  if (now.best_score)
    if (auto best = read_checkpoint(options.out_dir, "best"); best && best->step == now.best_step)
      return {std::move(best->model), best->step};
  return {weights_to_evaluate(), now.step};
}

TrainResult RunState::finish() {
  auto [weights, step] = best();
  Outcome outcome{.weights = std::move(weights), .step = step};
  outcome.images_per_second = now.history.train.empty() ? 0 : now.history.train.back().images_per_second;
  if (task->evaluates()) outcome.evaluation = evaluate(outcome.weights, Stage::finishing, 0);
  return write_outcome(*this, outcome);
}

std::vector<std::string> RunState::class_names() const {
  std::vector<std::string> names;
  for (const ClassInfo& each : model.info.classes)
    names.push_back(each.name);
  return names;
}

}  // namespace vitrail::train
