using System.Diagnostics;
using System.Globalization;

namespace Platter.Cli.Output;

/// <summary>How far long work has come: a bar on a terminal, or one JSON line per step.</summary>
/// <param name="error">Where it goes.</param>
/// <param name="asJson">Whether for a program.</param>
/// <param name="columns">Those of the terminal.</param>
internal sealed class ProgressReport(TextOut error, bool asJson, int columns) : IProgress<WorkProgress>
{
    private readonly object _lock = new();
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _next = TimeSpan.FromMilliseconds(asJson ? 0 : 300);   // short work shows no bar at all
    private (string Stage, TimeSpan Start, long Bytes) _stage = ("", TimeSpan.Zero, 0);
    private bool _shown;
    private WorkProgress? _untold;      // the newest step that is not on a line yet

    public void Report(WorkProgress value)
    {
        lock (_lock)
        {
            var now = _watch.Elapsed;
            var isNewStage = value.Stage != _stage.Stage;
            if (isNewStage)
                _stage = (value.Stage, now, value.DoneBytes);
            if (now < _next && !(asJson && isNewStage))
            {
                _untold = asJson ? value : null;
                return;
            }
            _untold = null;
            _next = now + TimeSpan.FromMilliseconds(100);
            if (asJson)
                WriteJson(value);
            else
                WriteBar(value, now);
            error.Flush();
        }
    }

    /// <summary>Takes the bar away; as JSON, tells how far the work had come.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            if (_untold is { } last)
            {
                _untold = null;
                WriteJson(last);
                error.Flush();
            }
            if (!_shown)
                return;
            _shown = false;
            error.Write("\r\e[K");
            error.Flush();
        }
    }

    private void WriteBar(in WorkProgress value, TimeSpan now)
    {
        var seconds = (now - _stage.Start).TotalSeconds;
        var rate = seconds > 0.2 ? (value.DoneBytes - _stage.Bytes) / seconds : 0;
        var part = value.TotalBytes is > 0 and var total ? (double)value.DoneBytes / total
            : value.TotalItems is > 0 and var items ? (double)value.DoneItems / items : (double?)null;
        var bytes = value.DoneBytes > 0 ? $"  {ByteSize.FormatRounded(value.DoneBytes)}" : "";
        var entries = value.DoneItems > 0 ? string.Create(CultureInfo.InvariantCulture, $"  {value.DoneItems} entries") : "";
        var speed = rate > 0 ? $"  {ByteSize.FormatRounded((long)rate)}/s" : "";
        var left = rate > 0 && value.TotalBytes is { } all && all > value.DoneBytes ? $"  {Clock((all - value.DoneBytes) / rate)} left" : "";
        error.Write("\r\e[K" + Fit(value.Stage, part, columns, (24, bytes + entries + speed + left), (12, bytes + entries + speed + left), (12, bytes + speed + left), (12, left), (0, left), (0, "")));
        _shown = true;
    }

    /// <summary>The first form that leaves the terminal's last column free: a line that wraps cannot be taken back.</summary>
    private static string Fit(string stage, double? part, int columns, params ReadOnlySpan<(int Bar, string Facts)> forms)
    {
        var line = stage;
        foreach (var (bar, facts) in forms)
        {
            line = stage + (part is { } p ? Bar(Math.Clamp(p, 0, 1), bar) : "") + facts;
            if (TextWidth.Of(line) < columns)
                return line;
        }
        return line[..Math.Min(line.Length, Math.Max(columns - 1, 0))];
    }

    private static string Bar(double part, int width)
    {
        var full = (int)(part * width);
        var bar = width == 0 ? "" : " " + new string('\u2588', full) + new string('\u2591', width - full);
        return bar + string.Create(CultureInfo.InvariantCulture, $" {part * 100,3:0} %");
    }

    private void WriteJson(in WorkProgress value)
    {
        using var json = new Json(error);
        json.Object();
        json.Object("progress");
        json.Field("stage", value.Stage);
        json.Field("doneBytes", value.DoneBytes);
        json.Field("totalBytes", value.TotalBytes);
        json.Field("doneItems", value.DoneItems);
        json.Field("totalItems", value.TotalItems);
        json.Field("current", value.Current);
        json.End();
        json.End();
    }

    private static string Clock(double seconds)
    {
        var time = TimeSpan.FromSeconds(Math.Min(seconds, 359_999));
        return time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";
    }
}
