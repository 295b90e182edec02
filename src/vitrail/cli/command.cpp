#include "vitrail/cli/command.h"

#include "vitrail/base/text.h"

namespace vitrail::cli {
namespace {

class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat() { column_width(26); }

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    const std::string name = CLI::Formatter::make_option_name(option, is_positional);
    return name.substr(0, name.find('{'));  // of a flag that switches something off: "--no-x{false}"
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    const bool takes_value = option->get_type_size() != 0 && !option->get_positional();
    const std::string kind = takes_value ? " " + type.substr(0, type.find(':')) : "";
    if (option->get_delimiter() != 0) return cat(kind, option->get_delimiter(), "...");  // FLOAT,...
    return kind + (option->get_expected_max() > 1 ? " ..." : "");
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string value = option->get_default_str();
    const bool has_default = option->get_type_size() != 0 && !value.empty() && value != "[]";
    return cat(option->get_description(), has_default ? cat(" [", value, "]") : "",
               option->get_required() ? " (required)" : "");
  }
};

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

// CLI11's own checks print -8 as "not in range 0.000000 to 179769313486231570814527423731704...".
template <class Number>
CLI::Validator number_check(const std::string& allowed, const std::function<bool(Number)>& is_allowed) {
  return {[=](std::string& text) {
            Number value{};
            const bool good = CLI::detail::lexical_cast(text, value) && is_allowed(value);
            return good ? std::string() : cat("'", text, "'; ", allowed);
          },
          ""};
}

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_format() {
  return std::make_shared<HelpFormat>();
}

void parse(CLI::App& app, const Arguments& arguments) {
  app.allow_extras();
  app.parse(Arguments(arguments.rbegin(), arguments.rend()));  // CLI11 takes them from the back
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");  // "what follows is no option"
  if (extras.empty()) return;
  const std::string& first = extras.front();
  if (first.starts_with("-"))
    throw CLI::ExtrasError(cat("unknown option '", first, "'. ", did_you_mean(first, option_names(app))),
                           CLI::ExitCodes::ExtrasError);
  throw CLI::ExtrasError(cat("unexpected argument '", first, "'"), CLI::ExitCodes::ExtrasError);
}

CLI::Validator between(int64_t least, int64_t most) {
  return number_check<int64_t>(cat("a whole number, ", least, " to ", most),
                               [=](int64_t value) { return least <= value && value <= most; });
}

CLI::Validator at_least(int64_t least) {
  return number_check<int64_t>(cat("a whole number, ", least, " or more"),
                               [=](int64_t value) { return value >= least; });
}

CLI::Validator fraction() {
  return number_check<double>("a number, 0 to 1", [](double value) { return 0 <= value && value <= 1; });
}

}  // namespace vitrail::cli
