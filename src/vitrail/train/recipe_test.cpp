#include "vitrail/train/recipe.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mutate.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/pattern.h"
#include "vitrail/train/setup.h"

namespace vitrail::train {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const char* const smallest = "[net]\nname = \"n\"\n[data]\ndataset = \"d:/x\"\n";

std::string faults_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_recipe(text, "r.toml", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  ADD_FAILURE() << "accepted:\n" << text;
  return "";
}

TEST(Recipe, FillsWhatIsNotSaidFromTheDefaults) {
  const Recipe recipe = parse_recipe(smallest, "r.toml");
  EXPECT_EQ(recipe.net.name, "n");
  EXPECT_EQ(recipe.train.batch, Recipe().train.batch);
  EXPECT_EQ(recipe.loss.terms, Recipe().loss.terms);
}

TEST(Recipe, ReadsEveryType) {
  const Recipe recipe = parse_recipe(
      "[net]\nname='n'\nset={a=1, b=\"x\", c=true}\n[data]\ndataset='d'\nlabel_map={0=255, 7=1}\n"
      "[augment]\nscales=[0.5, 1]\nflip=0.5\n[loss]\nterms={dice=0.5, focal=2}\n[train]\nfreeze=['a.*', "
      "'b']\n"
      "freeze_statistics=true\nseed=7\n[optimizer]\nrates={'backbone.*'=0.1}\n",
      "r.toml");
  EXPECT_EQ(recipe.net.set, (std::map<std::string, std::string>{{"a", "1"}, {"b", "x"}, {"c", "true"}}));
  EXPECT_EQ(recipe.data.label_map, (std::map<int64_t, int64_t>{{0, 255}, {7, 1}}));
  EXPECT_THAT(recipe.augment.scales, ElementsAre(0.5, 1));
  EXPECT_EQ(recipe.loss.terms, (std::map<std::string, double>{{"dice", 0.5}, {"focal", 2}}));
  EXPECT_THAT(recipe.train.freeze, ElementsAre("a.*", "b"));
  EXPECT_TRUE(recipe.train.freeze_statistics);
  EXPECT_EQ(recipe.train.seed, 7u);
  EXPECT_DOUBLE_EQ(recipe.optimizer.rates.at("backbone.*"), 0.1);
}

TEST(Recipe, ReportsEveryFaultAtOnceWithItsLine) {
  const std::string text = faults_of(
      "[net]\n"
      "nam = \"n\"\n"
      "[data]\n"
      "dataset = 5\n"
      "[train]\n"
      "steps = 0\n"
      "batch = \"eight\"\n"
      "[optimiser]\n"
      "name = \"sgd\"\n"
      "[optimizer]\n"
      "name = \"adamv\"\n"
      "[augment]\n"
      "flip = 1.5\n"
      "scale_min = 2\n"
      "scales = [1, -1]\n"
      "[loss]\n"
      "terms = { lovas = 1 }\n");
  EXPECT_THAT(text, HasSubstr("r.toml"));
  EXPECT_THAT(text, HasSubstr("line 2: 'net.nam' is no recipe key. Did you mean 'net.name'?"));
  EXPECT_THAT(text, HasSubstr("line 4: data.dataset must be a text"));
  EXPECT_THAT(text, Not(HasSubstr("data set of `vitrail list datasets`")));  // it is set, if wrongly
  EXPECT_THAT(text, HasSubstr("line 6: train.steps is 0;"));
  EXPECT_THAT(text, HasSubstr("line 7: train.batch must be an integer"));
  EXPECT_THAT(text, HasSubstr("line 8: section [optimiser] is unknown. Did you mean 'optimizer'?"));
  EXPECT_THAT(text, HasSubstr("line 11: optimizer.name is \"adamv\""));
  EXPECT_THAT(text, HasSubstr("line 13: augment.flip is 1.5; it must be 0 to 1"));
  EXPECT_THAT(text, HasSubstr("line 14: augment.scale_min 2 is above scale_max 1"));
  EXPECT_THAT(text, HasSubstr("line 15: augment.scales is -1.0"));
  EXPECT_THAT(text, HasSubstr("line 17: loss 'lovas' is unknown. Did you mean 'lovasz'?"));
  EXPECT_THAT(text, HasSubstr("net.name: not set"));
}

TEST(Recipe, RefusesWhatIsNotToml) {
  EXPECT_THAT(faults_of("[net\nname=1"), AllOf(HasSubstr("line 1: not TOML"), HasSubstr("1 fault\n")));
  EXPECT_THAT(faults_of("net = 3"), HasSubstr("line 1: 'net' is a section"));
}

TEST(Recipe, RefusesNumbersThatAreNotFinite) {
  EXPECT_THAT(faults_of(std::string(smallest) + "[optimizer]\nrate = nan\n"),
              HasSubstr("line 6: optimizer.rate"));
  EXPECT_THAT(faults_of(std::string(smallest) + "[optimizer]\nrate = inf\n"),
              HasSubstr("line 6: optimizer.rate"));
}

TEST(Recipe, DamagedFilesAreReadOrRefusedByName) {
  Recipe full;
  full.net.name = "n";
  full.data.dataset = "d";
  full.optimizer.rates = {{"backbone.*", 0.25}};
  const std::string good = recipe_to_toml(full);
  Random random(5);
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    try {
      parse_recipe(mutated(good, random), "damaged.toml");
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("damaged.toml"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(Recipe, OverridesComeLast) {
  const Recipe recipe = parse_recipe(
      smallest, "r.toml",
      {"train.steps=7", "net.name=other-net", "optimizer.rates.head*=3.0", "loss.terms={dice=1.0}"});
  EXPECT_EQ(recipe.train.steps, 7);
  EXPECT_EQ(recipe.net.name, "other-net");
  EXPECT_DOUBLE_EQ(recipe.optimizer.rates.at("head*"), 3);
  EXPECT_EQ(recipe.loss.terms, (std::map<std::string, double>{{"dice", 1.0}}));
  const std::string faults = faults_of(smallest, {"train.steps", "train.stps=1", "train.batch=0"});
  EXPECT_THAT(faults, HasSubstr("--set train.steps: no '='"));
  EXPECT_THAT(faults, HasSubstr("Did you mean 'train.steps'?"));
  EXPECT_THAT(faults, HasSubstr("--set train.batch=0: train.batch is 0"));
}

TEST(Recipe, WritesTomlThatReadsBackToItself) {
  const Recipe first = parse_recipe(std::string(smallest) + "[optimizer]\nrate=0.0003\nrates={'a.*'=0.1}\n" +
                                        "[data.label_map]\n3=255\n[train]\nfreeze=['x\"y']\n",
                                    "r.toml");
  const Recipe second = parse_recipe(recipe_to_toml(first), "again.toml");
  EXPECT_EQ(recipe_to_toml(second), recipe_to_toml(first));
  EXPECT_THAT(recipe_differences(first, second), ElementsAre());
  Recipe other = second;
  other.train.batch = 3;
  EXPECT_THAT(recipe_differences(first, other), ElementsAre("train.batch: 8 is now 3"));
}

TEST(Recipe, TheTableDocumentsEveryKeyThatIsWritten) {
  const std::string toml = recipe_to_toml(Recipe()), help = recipe_help(), page = recipe_markdown();
  EXPECT_GT(recipe_options().size(), 50u);
  for (const RecipeOption& option : recipe_options()) {
    EXPECT_FALSE(option.help.empty()) << option.key;
    EXPECT_THAT(toml, HasSubstr(option.key.substr(option.key.find('.') + 1) + " = " + option.default_value));
    EXPECT_THAT(help, HasSubstr(option.key + " = "));
    EXPECT_THAT(page, HasSubstr("`" + option.key + "`"));
  }
}

TEST(Recipe, TheDocumentationHasThisTable) {
  const std::string page = read_file(std::string(VITRAIL_SOURCE_DIR) + "/docs/recipes.md");
  EXPECT_TRUE(page.find(recipe_markdown()) != std::string::npos)
      << "write it again with `vitrail train --help-recipe-markdown`";
}

/// Error text of a recipe whose network cannot be built, whose data set does not exist, or that has a rule
/// which no parameter follows; empty for a sound one.
std::string fault_of(const Recipe& recipe) {
  try {
    const Model model = build_net(recipe.net.name, {.classes = 3, .set = recipe.net.set});
    std::vector<std::string> all, learnable, rates;
    for (const Parameter& parameter : model.graph.parameters()) {
      all.push_back(parameter.name);
      if (parameter.role == Role::learnable) learnable.push_back(parameter.name);
    }
    for (const auto& [pattern, factor] : recipe.optimizer.rates)
      rates.push_back(pattern);
    expect_all_used(rates, learnable, "optimizer.rates");
    expect_all_used(recipe.optimizer.no_decay, learnable, "optimizer.no_decay");
    expect_all_used(recipe.train.freeze, all, "train.freeze");
    check(recipe.augment);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const DatasetEntry& entry : dataset_entries())
    names.push_back(entry.name);
  for (const InstanceDatasetEntry& entry : instance_dataset_entries())
    names.push_back(entry.name);
  return names;
}

std::vector<std::filesystem::path> recipes_that_ship() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(VITRAIL_SOURCE_DIR) + "/recipes"))
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  return files;
}

TEST(Recipe, EveryRecipeThatShipsFitsItsNetwork) {
  const std::vector<std::filesystem::path> files = recipes_that_ship();
  EXPECT_GE(files.size(), 80u);
  for (const std::filesystem::path& file : files) {
    const Recipe recipe = read_recipe(file);
    EXPECT_EQ(fault_of(recipe), "") << file;
    EXPECT_THAT(dataset_names(), testing::Contains(recipe.data.dataset)) << file;
    for (const auto& [output, name] : recipe.data.tasks)
      EXPECT_THAT(dataset_names(), testing::Contains(name)) << file << ", output " << output;
    EXPECT_EQ(file.stem().string().find(recipe.net.name), 0u) << file << " is named after its network";
  }
}

// Of a network by name: FCN's HHA network sees pictures of another mean.
TEST(Recipe, AMeanStandsInPlaceOfTheNetworks) {
  const auto prepared = [](std::vector<std::string> set) {
    set.insert(set.end(), {"data.dataset=folder", "net.name=squeezenet1.1-fcn4"});
    return network_of(parse_recipe("", "command line", set), {{"a", {}}, {"b", {}}}).info.preprocessing;
  };
  const Preprocessing own = build_net("squeezenet1.1-fcn4").info.preprocessing;
  EXPECT_EQ(prepared({}).mean, own.mean);
  EXPECT_EQ(prepared({}).order, own.order);
  const Preprocessing asked = prepared({"net.mean=[1, 2, 3]", "net.std=[4, 5, 6]", "net.order=rgb"});
  EXPECT_EQ(asked.mean, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(asked.std, (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(asked.order, ChannelOrder::rgb);
  EXPECT_EQ(prepared({"net.order=bgr"}).order, ChannelOrder::bgr);
  EXPECT_THROW(prepared({"net.mean=[1]", "net.std=[2]"}), Error);
  EXPECT_THROW(prepared({"net.order=grey"}), Error);
}

TEST(Recipe, AStageStartsFromTheModelOfARecipeThatShips) {
  int count = 0;
  for (const std::filesystem::path& file : recipes_that_ship()) {
    const Recipe recipe = read_recipe(file);
    std::vector<std::filesystem::path> starts;
    if (!recipe.net.start.empty()) starts.emplace_back(recipe.net.start);
    for (const auto& [part, start] : recipe.net.start_parts)
      starts.emplace_back(start);
    for (const std::filesystem::path& start : starts) {
      ++count;
      EXPECT_EQ(start.filename(), "model.onnx") << file;
      const std::string before = start.parent_path().filename().string();
      EXPECT_TRUE(std::filesystem::exists(file.parent_path() / (before + ".toml")))
          << file << " needs " << before;
    }
  }
  EXPECT_GE(count, 10);
}

}  // namespace
}  // namespace vitrail::train
