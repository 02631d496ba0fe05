//! Graphs of servers, as a browser shows them.

use domain::usage::{Resolution, Rollups, Sample};
use serde::Deserialize;

use super::bed::Window;

/// What there is of a picture.
#[derive(Debug, Deserialize)]
struct Picture {
    /// Its size in pixels.
    size: (u32, u32),
    /// How many colours it has.
    colours: usize,
    /// In how many of its columns the line of the series stands, of those in its left half and its right half.
    drawn: (u32, u32),
}

/// The line of `cpu` is of this colour (crates/graphs, `palette.rs`); its legend stands below the plot.
const PICTURE: &str = "(() => {
    const image = document.images[0];
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    const { data } = pen.getImageData(0, 0, width, height);
    const colours = new Set(), drawn = [0, 0];
    for (let x = 0; x < width; x++) {
        let here = false;
        for (let y = 0; y < height; y++) {
            const at = 4 * (y * width + x);
            const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
            colours.add(r << 16 | g << 8 | b);
            here ||= y < height * 0.7 && Math.abs(r - 66) < 12 && Math.abs(g - 122) < 12 && Math.abs(b - 180) < 12;
        }
        drawn[x < width / 2 ? 0 : 1] += here ? 1 : 0;
    }
    return { size: [width, height], colours: colours.size, drawn };
})()";

/// Half a day of samples: those of the last twelve hours.
async fn fill(window: &Window, order: &str) {
    let seconds = Resolution::Fine.seconds();
    let row = |cpu| serde_json::to_string(&Rollups::of(&Sample { cpu: Some(cpu), ..Sample::default() })).unwrap();
    // A peak at first makes the scale: so the line of the rest stands inside the plot.
    let (peak, usual) = (row(7_400), row(3_700));
    let fill = format!(
        "insert into live.usage_rollup select {order}, {seconds}, \
           to_timestamp(extract(epoch from now())::bigint / {seconds} * {seconds} - n * {seconds}), (case when n > 140 then '{peak}' else '{usual}' end)::jsonb \
         from generate_series(0, 12 * 3600 / {seconds}) n"
    );
    window.bed.app.db.run_sql(&fill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphs_are_as_wide_as_asked_and_show_what_was_measured() {
    let window = Window::new().await;
    let (busy, new) = (window.bed.app.running_order().await, window.bed.app.running_order().await);
    fill(&window, &busy).await;
    for width in [360, 900] {
        for (order, name) in [(&busy, "measured"), (&new, "empty")] {
            let asked = [("id", order.as_str()), ("width", &width.to_string()), ("ip", "127.0.0.1")];
            let links = window.bed.done("server_graphs", &asked).await;
            let page = window.open(&links["cpu_daily"], 1_000).await;
            page.screenshot(&format!("graph-{name}-{width}")).await;
            let picture: Picture = page.evaluate(PICTURE).await;
            let case = format!("{name}, {width} px: {picture:?}");
            assert_eq!(picture.size, (width, 70 + width / 4), "{case}");
            assert!(picture.colours > 20, "blank: {case}");
            let (left, right) = picture.drawn;
            match name {
                // The plot is the picture less its scale: nothing in the first half of it, all of the second.
                "measured" => assert!(left < width / 10 && right > width / 3, "{case}"),
                _ => assert_eq!((left, right), (0, 0), "{case}"),
            }
            assert_eq!(page.complaints(), [""; 0], "{case}");
        }
    }
    window.serving.stop().await;
}
