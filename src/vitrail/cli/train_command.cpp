// vitrail train RECIPE: trains a network as a recipe says; with --from MODEL.onnx, a network from a file.

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/progress_line.h"
#include "vitrail/metrics/report.h"
#include "vitrail/train/runtime.h"
#include "vitrail/train/trainer.h"

namespace vitrail::cli {
namespace {

namespace fs = std::filesystem;
using train::Progress;
using train::Stage;

// Set by Ctrl-C: the run saves a checkpoint and ends. The second one ends the program at once.
volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int signal) {
  if (interrupted != 0) std::signal(signal, SIG_DFL);
  interrupted = 1;
}

struct Flags {
  std::string recipe, data, out, pretrained, from, output;
  std::vector<std::string> set;
  bool replace_head = false, resume = false, recipe_help = false, recipe_markdown = false;
  int threads = -1;
};

void add_flags(CLI::App& app, Flags& flags) {
  app.add_option("RECIPE", flags.recipe, "recipe file, see recipes/");
  app.add_option("--data", flags.data, "data set as NAME:PATH, in place of the recipe's");
  app.add_option("--out", flags.out, "folder of the run; runs/RECIPE or runs/MODEL unless said");
  app.add_flag("--resume", flags.resume, "go on from the last checkpoint in --out");
  app.add_option("--set", flags.set,
                 "KEY=VALUE in place of the recipe's, as in --set train.steps=100; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--threads", flags.threads,
                 "threads; 0 = all cores; unless said, the recipe's train.threads")
      ->check(between(0, 1024));
  app.add_option("--pretrained", flags.pretrained, "file of the encoder's weights, or the folder it is in");
  app.add_option("--from", flags.from,
                 "ONNX file whose network is trained on, from its weights; the recipe may then be left out");
  app.add_option("--output", flags.output,
                 "with --from: the output that has the logits, where there are several");
  app.add_flag("--replace-head", flags.replace_head,
               "with --from: make its last convolution anew, for the data set's classes");
  app.add_flag("--help-recipe", flags.recipe_help, "list every key of a recipe");
  app.add_flag("--help-recipe-markdown", flags.recipe_markdown, "the same as a Markdown table");
}

/// `text` as a TOML string, which `--set` takes whatever is in it.
std::string quoted(const std::string& text) {
  return cat('"', json_escaped(text), '"');
}

/// A model in the recipe's place is a slip for --from.
void check_recipe_name(const std::string& recipe) {
  const std::string extension = fs::path(recipe).extension().string();
  if (extension == ".onnx" || extension == ".safetensors")
    throw Error(ErrorKind::usage, {.where = recipe,
                                   .found = "a model file",
                                   .allowed = "a recipe, which is a TOML file",
                                   .next = "To train an ONNX model on: --from MODEL.onnx --data NAME:PATH"});
  if (extension == ".py" || extension == ".yaml" || extension == ".yml" || extension == ".json")
    throw Error(ErrorKind::usage, {.where = recipe,
                                   .found = "not a recipe by its name",
                                   .allowed = "a TOML file",
                                   .next = "recipes/ has some; --help-recipe lists every key"});
}

train::Recipe recipe_of(const Flags& flags) {
  std::vector<std::string> set = flags.set;
  if (!flags.from.empty()) {  // a recipe's own network gives way
    const std::vector<std::string> network = {"net.name=''", "net.set={}", "net.pretrained=''",
                                              cat("net.from=", quoted(flags.from))};
    set.insert(set.begin(), network.begin(), network.end());
  }
  if (!flags.output.empty()) set.push_back(cat("net.output=", quoted(flags.output)));
  if (flags.replace_head) set.push_back("net.replace_head=true");
  check_recipe_name(flags.recipe);
  if (!flags.recipe.empty()) return train::read_recipe(flags.recipe, set);
  if (flags.from.empty())
    throw Error(ErrorKind::usage,
                {.found = "no recipe given",
                 .next = "vitrail train RECIPE; recipes/ has some. Or train a model on: --from MODEL.onnx"});
  if (!flags.data.empty()) set.push_back(cat("data.dataset=", quoted(flags.data)));
  return train::parse_recipe("", "command line", set);
}

fs::path folder_of(const Flags& flags) {
  if (!flags.out.empty()) return flags.out;
  return fs::path("runs") / fs::path(flags.recipe.empty() ? flags.from : flags.recipe).stem();
}

std::string training_text(const Progress& now) {
  char figures[160];
  std::snprintf(figures, sizeof figures, " %lld/%lld  loss %.4f  rate %.2g  %.1f images/s  %s left",
                static_cast<long long>(now.step), static_cast<long long>(now.steps), now.loss, now.rate,
                now.images_per_second, clock_text(now.seconds_left).c_str());
  std::string text = bar(static_cast<double>(now.step) / static_cast<double>(now.steps)) + figures;
  if (now.best_score) text += cat("  best ", percent(now.best_score));
  return text;
}

void show(ProgressLine& line, const Progress& now) {
  if (now.evaluation) {
    std::vector<std::string> figures;
    for (const train::Figure& figure : now.evaluation->figures)
      figures.push_back(cat(train::label_of(figure.name), " ", percent(figure.value)));
    return line.keep(cat("step ", now.step, ": ", join(figures), now.best_step == now.step ? " (best)" : ""));
  }
  switch (now.stage) {
    case Stage::preparing: return line.show("counting the classes' pixels");
    case Stage::training: return line.show(training_text(now));
    case Stage::evaluating:
      return line.show(cat("step ", now.step, ": evaluating ", now.done, "/", now.total));
    case Stage::finishing: return line.show(cat("evaluating the best weights ", now.done, "/", now.total));
  }
}

}  // namespace

int train_command(CLI::App& app, const Arguments& arguments) {
  Flags flags;
  add_flags(app, flags);
  parse(app, arguments);
  if (flags.recipe_help || flags.recipe_markdown) {
    std::cout << (flags.recipe_markdown ? train::recipe_markdown() : train::recipe_help());
    return 0;
  }
  train::Recipe recipe = recipe_of(flags);
  if (flags.threads >= 0) recipe.train.threads = flags.threads;
  train::configure_runtime({.threads = static_cast<int>(recipe.train.threads)});

  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  train::TrainResult result;
  {
    ProgressLine line;
    train::Trainer trainer(recipe, {.out_dir = folder_of(flags),
                                    .resume = flags.resume,
                                    .dataset = flags.data,
                                    .pretrained = flags.pretrained,
                                    .progress = [&](const Progress& now) { show(line, now); },
                                    .cancelled = [] { return interrupted != 0; }});
    if (!trainer.origin().empty()) line.keep(cat("trained on from ", trainer.origin()));
    for (const std::string& note : trainer.start_notes())
      line.keep(note);
    result = trainer.run();
  }
  if (result.scores) std::cout << scores_table(*result.scores, result.class_names);
  std::cout << result.table << "model:  " << result.model.string() << " (weights of step "
            << result.model_step << ")\n"
            << "report: " << result.report.string() << "\n";
  return 0;
}

}  // namespace vitrail::cli
