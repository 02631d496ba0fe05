//! The programs.

use super::quote::{double, ruby as quote_ruby, shell, single};

type Fields<'a> = [(&'a str, &'a str)];

fn lines(fields: &Fields<'_>, line: impl Fn(&str, &str) -> String) -> String {
    fields.iter().map(|(name, value)| line(name, value)).collect()
}

pub(super) fn curl(url: &str, fields: &Fields<'_>) -> String {
    let plain = |value: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,:/".contains(c));
    let field = |name: &str, value: &str| {
        let option = if plain(value) { "-d" } else { "--data-urlencode" };
        format!(" \\\n  {option} {}", shell(&format!("{name}={value}")))
    };
    format!("curl {}{}", shell(url), lines(fields, field))
}

pub(super) fn php(url: &str, fields: &Fields<'_>, in_php: bool) -> String {
    let fields = lines(fields, |name, value| format!("    {} => {},\n", single(name), single(value)));
    let read = match in_php {
        true => "unserialize($body, ['allowed_classes' => false])",
        false => "json_decode($body, true)",
    };
    format!(
        "<?php\n$fields = [\n{fields}];\n$body = file_get_contents({}, false, stream_context_create(['http' => [\n    \
         'method' => 'POST',\n    'header' => 'Content-Type: application/x-www-form-urlencoded',\n    'content' => \
         http_build_query($fields),\n    'timeout' => 15,\n    'ignore_errors' => true,\n]]));\nprint_r({read});",
        single(url)
    )
}

pub(super) fn python(url: &str, fields: &Fields<'_>) -> String {
    let fields = lines(fields, |name, value| format!("    {}: {},\n", double(name), double(value)));
    format!(
        "import json\nfrom urllib.parse import urlencode\nfrom urllib.request import urlopen\n\nfields = {{\n{fields}}}\n\
         with urlopen({}, urlencode(fields).encode(), timeout=15) as answer:\n    print(json.load(answer))",
        double(url)
    )
}

pub(super) fn go(url: &str, fields: &Fields<'_>) -> String {
    let fields = lines(fields, |name, value| format!("\t\t{}: {{{}}},\n", double(name), double(value)));
    format!(
        "package main\n\nimport (\n\t\"io\"\n\t\"net/http\"\n\t\"net/url\"\n\t\"os\"\n)\n\nfunc main() {{\n\tanswer, \
         err := http.PostForm({}, url.Values{{\n{fields}\t}})\n\tif err != nil {{\n\t\tpanic(err)\n\t}}\n\tdefer \
         answer.Body.Close()\n\tio.Copy(os.Stdout, answer.Body)\n}}",
        double(url)
    )
}

pub(super) fn ruby(url: &str, fields: &Fields<'_>) -> String {
    let fields = lines(fields, |name, value| format!("  {} => {},\n", quote_ruby(name), quote_ruby(value)));
    format!(
        "require \"json\"\nrequire \"net/http\"\n\nanswer = Net::HTTP.post_form(URI({}), {{\n{fields}}})\nputs \
         JSON.parse(answer.body)",
        quote_ruby(url)
    )
}

pub(super) fn javascript(url: &str, fields: &Fields<'_>) -> String {
    let fields = lines(fields, |name, value| format!("    {name}: {},\n", double(value)));
    format!(
        "const answer = await fetch({}, {{\n  method: \"POST\",\n  body: new URLSearchParams({{\n{fields}  \
         }}),\n}});\nconsole.log(await answer.json());",
        double(url)
    )
}

pub(super) fn rust(url: &str, fields: &Fields<'_>) -> String {
    let fields = lines(fields, |name, value| format!("            ({}, {}),\n", double(name), double(value)));
    format!(
        "fn main() -> Result<(), ureq::Error> {{\n    let mut answer = ureq::post({})\n        .send_form([\n{fields}        \
         ])?;\n    println!(\"{{}}\", answer.body_mut().read_to_string()?);\n    Ok(())\n}}",
        double(url)
    )
}
