using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Platter.Cli.Output;

/// <summary>How far long work has come: a bar on a terminal, or one JSON line per step.</summary>
internal sealed class ProgressReport(TextOut error, bool asJson) : IProgress<WorkProgress>
{
    private const int BarWidth = 24;
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
        var line = new StringBuilder("\r\e[K").Append(value.Stage);
        var seconds = (now - _stage.Start).TotalSeconds;
        var rate = seconds > 0.2 ? (value.DoneBytes - _stage.Bytes) / seconds : 0;
        var part = value.TotalBytes is > 0 and var total ? (double)value.DoneBytes / total
            : value.TotalItems is > 0 and var items ? (double)value.DoneItems / items : (double?)null;
        if (part is { } p)
        {
            var full = (int)(Math.Clamp(p, 0, 1) * BarWidth);
            line.Append(' ').Append('\u2588', full).Append('\u2591', BarWidth - full);
            line.Append(CultureInfo.InvariantCulture, $" {Math.Clamp(p, 0, 1) * 100,3:0} %");
        }
        if (value.DoneBytes > 0)
            line.Append(CultureInfo.InvariantCulture, $"  {ByteSize.FormatRounded(value.DoneBytes)}");
        if (value.DoneItems > 0)
            line.Append(CultureInfo.InvariantCulture, $"  {value.DoneItems} entries");
        if (rate > 0)
            line.Append(CultureInfo.InvariantCulture, $"  {ByteSize.FormatRounded((long)rate)}/s");
        if (rate > 0 && value.TotalBytes is { } all && all > value.DoneBytes)
            line.Append(CultureInfo.InvariantCulture, $"  {Clock((all - value.DoneBytes) / rate)} left");
        error.Write(line.ToString());
        _shown = true;
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
