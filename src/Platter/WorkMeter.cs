using System.Diagnostics;

namespace Platter;

/// <summary>Says how far work has come, some ten times a second.</summary>
internal sealed class WorkMeter(IProgress<WorkProgress>? progress, string stage, long total, string? current)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _next = TimeSpan.Zero;

    internal long Done { get; private set; }

    internal void Add(long bytes)
    {
        Done += bytes;
        if (progress is null || _watch.Elapsed < _next)
            return;
        _next = _watch.Elapsed + Interval;
        progress.Report(new WorkProgress(stage, Done, total, 0, null, current));
    }
}
