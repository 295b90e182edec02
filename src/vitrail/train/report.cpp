#include "vitrail/train/report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/metrics/report.h"
#include "vitrail/train/report_charts.h"

namespace vitrail::train {
namespace {

const char* const style = R"(
:root { color-scheme: light dark; --ink:#1b2430; --soft:#5b6675; --line:#d9dee5; --card:#ffffff; --page:#f4f6f8;
  --accent:#2563a8; --second:#c2571a; --third:#2e7d4f; --heat:37,99,168; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6eaf0; --soft:#9aa6b5; --line:#333d4a; --card:#1a2129;
  --page:#11161c; --accent:#6aa9ec; --second:#f0975c; --third:#6cc593; --heat:106,169,236; } }
* { box-sizing:border-box }
body { margin:0; background:var(--page); color:var(--ink); font:15px/1.5 system-ui, "DejaVu Sans", sans-serif }
main { max-width:1120px; margin:0 auto; padding:32px 20px 64px }
h1 { font-size:26px; margin:0 0 20px } h2 { font-size:18px; margin:36px 0 12px }
p.note { color:var(--soft); margin:4px 0 12px }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(140px,1fr)); gap:12px }
.tile, .chart, .card { background:var(--card); border:1px solid var(--line); border-radius:8px; padding:12px 16px; margin:0 }
.tile b { display:block; font-size:21px; font-weight:600 } .tile span { color:var(--soft); font-size:13px }
.charts { display:grid; grid-template-columns:repeat(auto-fit,minmax(430px,1fr)); gap:12px }
.chart figcaption { font-weight:600; margin-bottom:6px } .chart figcaption span { font-weight:400; color:var(--soft); margin-left:12px; font-size:13px }
.chart i, td i { display:inline-block; width:11px; height:11px; border-radius:2px; margin-right:6px; vertical-align:-1px;
  outline:1px solid var(--line) }
svg { width:100%; height:auto; display:block } svg text { fill:var(--soft); font-size:12px }
.grid { stroke:var(--line) } .curve { fill:none; stroke:currentColor; stroke-width:2; stroke-linejoin:round }
circle { fill:currentColor }
.card { overflow-x:auto } table { border-collapse:collapse; width:100% }
th { text-align:right; font-weight:600; color:var(--soft); font-size:13px } th:first-child, td:first-child { text-align:left }
td, th { padding:5px 8px; border-bottom:1px solid var(--line); white-space:nowrap } td { text-align:right; font-variant-numeric:tabular-nums }
tr:last-child td { border-bottom:0 }
td.bar { width:32%; min-width:120px } td.bar div { height:12px; border-radius:3px; background:var(--accent) }
.matrix td, .matrix th { text-align:center; padding:4px 6px; font-size:13px; border:1px solid var(--page) }
.matrix th.row { text-align:right } .matrix th.column { writing-mode:vertical-rl; transform:rotate(180deg); text-align:left; padding:6px 3px }
.pictures { display:grid; grid-template-columns:repeat(auto-fit,minmax(480px,1fr)); gap:12px }
.pair { display:grid; grid-template-columns:1fr 1fr; gap:6px } .pair img { width:100%; display:block; border-radius:4px }
.pictures p { margin:0 0 8px; overflow-wrap:anywhere } .pair span { color:var(--soft); font-size:13px }
pre { margin:0; font:13px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; overflow-x:auto }
@media (max-width:560px) { .charts, .pictures { grid-template-columns:1fr } }
@media print { body { background:none } .tile, .chart, .card { break-inside:avoid } }
)";

std::string base64(std::string_view bytes) {
  constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < n ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      text += k <= n ? alphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

/// For tables in percent, and widths.
std::string figure(const std::optional<double>& fraction, int decimals = 1) {
  return percent(fraction, decimals, "");
}

std::string css_color(const std::array<uint8_t, 3>& rgb) {
  return cat("rgb(", int{rgb[0]}, ",", int{rgb[1]}, ",", int{rgb[2]}, ")");
}

std::string tiles(const ReportData& data) {
  std::string html = "<div class=\"tiles\">\n";
  for (const auto& [name, value] : data.figures)
    html += cat("<div class=\"tile\"><b>", html_escaped(value), "</b><span>", html_escaped(name),
                "</span></div>\n");
  return html + "</div>\n";
}

/// The first few figures of the evaluations; the first one is what the best weights were chosen by.
std::vector<Series> evaluation_curves(const History& history) {
  const std::array<std::string, 3> colors{"var(--accent)", "var(--second)", "var(--third)"};
  std::vector<Series> all;
  for (const EvaluationPoint& point : history.evaluations)
    for (size_t i = 0; i < std::min(point.figures.size(), colors.size()); ++i) {
      if (i == all.size()) all.push_back({label_of(point.figures[i].name), {}, {}, colors[i]});
      if (!point.figures[i].value) continue;
      all[i].x.push_back(static_cast<double>(point.step));
      all[i].y.push_back(*point.figures[i].value);
    }
  return all;
}

std::string curves(const History& history) {
  Series loss{"loss", {}, {}, "var(--accent)"}, rate{"rate", {}, {}, "var(--third)"},
      norm{"norm", {}, {}, "var(--third)"};
  for (const TrainPoint& point : history.train) {
    const auto step = static_cast<double>(point.step);
    for (auto [series, value] :
         {std::pair(&loss, point.loss), {&rate, point.rate}, {&norm, point.gradient_norm}}) {
      series->x.push_back(step);
      series->y.push_back(value);
    }
  }
  return cat("<div class=\"charts\">\n",
             svg_chart({.title = "Training loss", .x_label = "step", .series = {loss}}),
             svg_chart({.title = "Validation, %",
                        .x_label = "step",
                        .series = evaluation_curves(history),
                        .percent = true}),
             svg_chart({.title = "Learning rate", .x_label = "step", .series = {rate}}),
             svg_chart({.title = "Gradient norm", .x_label = "step", .series = {norm}}), "</div>\n");
}

std::string class_name(const ReportData& data, size_t index) {
  return index < data.classes.size() ? html_escaped(data.classes[index].name) : cat("class ", index);
}
std::string class_color(const ReportData& data, size_t index) {
  return index < data.classes.size() ? css_color(data.classes[index].color) : "gray";
}

std::string class_table(const ReportData& data) {
  const SegmentationScores& scores = *data.scores;
  std::string html =
      cat("<h2>Classes</h2>\n<p class=\"note\">", html_escaped(data.split),
          ". In percent. Absent classes: ", name_of(scores.convention), " (", meaning_of(scores.convention),
          ").</p>\n<div class=\"card\"><table>\n"
          "<tr><th>class</th><th>IoU</th><th></th><th>accuracy</th><th>precision</th><th>F1</th>"
          "<th>true pixels</th></tr>\n");
  int64_t all = 0;
  for (const ClassScores& one : scores.per_class)
    all += one.truth_pixels;
  for (size_t c = 0; c < scores.per_class.size(); ++c) {
    const ClassScores& one = scores.per_class[c];
    html += cat(
        "<tr><td><i style=\"background:", class_color(data, c), "\"></i>", class_name(data, c), "</td><td>",
        figure(one.iou), "</td><td class=\"bar\"><div style=\"width:", figure(one.iou.value_or(0)),
        "%\"></div></td><td>", figure(one.accuracy), "</td><td>", figure(one.precision), "</td><td>",
        figure(one.f1), "</td><td>",
        figure(static_cast<double>(one.truth_pixels) / static_cast<double>(std::max<int64_t>(all, 1)), 2),
        " %</td></tr>\n");
  }
  return html + "</table></div>\n";
}

std::string matrix_cell(double share) {
  const char* ink = share > 0.55 ? ";color:var(--card)" : "";
  return cat("<td style=\"background:rgba(var(--heat),", short_number(std::sqrt(share)), ")", ink, "\">",
             share >= 0.0005 ? figure(share) : "", "</td>");
}

std::string confusion(const ReportData& data) {
  const ConfusionMatrix& matrix = *data.matrix;
  const auto n = matrix.classes();
  if (n > 64) return "";  // unreadable; the class table has the figures
  std::string html =
      "<h2>Confusion</h2>\n<p class=\"note\">Rows: the true class; columns: what was predicted; percent of "
      "the row."
      "</p>\n<div class=\"card\"><table class=\"matrix\">\n<tr><th></th>";
  for (int64_t c = 0; c < n; ++c)
    html += cat("<th class=\"column\">", class_name(data, static_cast<size_t>(c)), "</th>");
  html += "</tr>\n";
  for (int64_t truth = 0; truth < n; ++truth) {
    const auto pixels = static_cast<double>(std::max<int64_t>(matrix.truth_pixels(truth), 1));
    html += cat("<tr><th class=\"row\">", class_name(data, static_cast<size_t>(truth)), "</th>");
    for (int64_t prediction = 0; prediction < n; ++prediction)
      html += matrix_cell(static_cast<double>(matrix.at(truth, prediction)) / pixels);
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string table(const ReportTable& data) {
  std::string html = cat("<h2>", html_escaped(data.title), "</h2>\n<p class=\"note\">",
                         html_escaped(data.note), "</p>\n<div class=\"card\"><table>\n<tr>");
  for (const std::string& name : data.heading)
    html += cat("<th>", html_escaped(name), "</th>");
  html += "</tr>\n";
  for (const std::vector<std::string>& row : data.rows) {
    html += "<tr>";
    for (const std::string& cell : row)
      html += cat("<td>", html_escaped(cell), "</td>");
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string picture(const Image& shown, const char* caption) {
  return cat("<div><img alt=\"", caption, "\" src=\"data:image/jpeg;base64,", base64(encode_jpeg(shown, 85)),
             "\"><span>", caption, "</span></div>");
}

std::string gallery(const char* title, const std::vector<ReportPicture>& pictures) {
  if (pictures.empty()) return "";
  std::string html = cat("<h2>", title, "</h2>\n<div class=\"pictures\">\n");
  for (const ReportPicture& each : pictures)
    html += cat("<div class=\"card\"><p>", html_escaped(each.name), " &middot; ", html_escaped(each.score),
                "</p><div class=\"pair\">", picture(each.prediction, "prediction"),
                picture(each.truth, "truth"), "</div></div>\n");
  return html + "</div>\n";
}

std::string colophon(const ReportData& data) {
  std::string html = cat("<h2>Recipe</h2>\n<div class=\"card\"><pre>", html_escaped(data.recipe),
                         "</pre></div>\n<h2>Environment</h2>\n<div class=\"card\"><table>\n");
  for (const auto& [name, value] : data.environment)
    html += cat("<tr><td>", html_escaped(name), "</td><td>", html_escaped(value), "</td></tr>\n");
  return html + "</table></div>\n";
}

}  // namespace

std::string report_html(const ReportData& data) {
  std::string html =
      cat("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          html_escaped(data.title), "</title>\n<style>", style, "</style></head>\n<body><main>\n<h1>",
          html_escaped(data.title), "</h1>\n", tiles(data), "<h2>Curves</h2>\n", curves(data.history));
  if (data.scores) html += class_table(data);
  if (data.matrix) html += confusion(data);
  for (const ReportTable& each : data.tables)
    html += table(each);
  html += gallery("Worst validation pictures", data.worst);
  html += gallery("Best validation pictures", data.best);
  return html + colophon(data) + "</main></body></html>\n";
}

}  // namespace vitrail::train
