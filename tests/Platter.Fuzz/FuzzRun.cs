using System.Diagnostics;
using System.Globalization;
using Platter.Testing;

namespace Platter.Fuzz;

/// <summary>How long, and from which seed.</summary>
internal sealed record FuzzOptions
{
    public int? Seconds { get; init; }
    public int? Cases { get; init; }

    /// <summary>At most so many cases of each target, in the order that the seed gives: what a faster machine reaches is then known beforehand.</summary>
    public int? Each { get; init; }

    /// <summary>All seeds of the cases come from this one.</summary>
    public required int Seed { get; init; }
}

/// <summary>Runs the targets on two threads, in turns of equal time, and reports what it found.</summary>
internal sealed class FuzzRun(IReadOnlyList<FuzzTarget> targets, FuzzOptions options)
{
    private const int Threads = 2, ShownPerKind = 2;

    /// <summary>No case takes longer, or allocates more, than this.</summary>
    private const long SlowestCase = 2000, MostAllocated = 256L << 20;

    /// <summary>After this the watchdog takes the case for a hang and ends the run, in milliseconds.</summary>
    private const long Hang = 30_000;

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);

    private readonly Tally[] _tallies = [.. targets.Select(t => new Tally(t))];
    private readonly (string Case, long Started)[] _running = new (string, long)[Threads];
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _kinds = new(StringComparer.Ordinal);
    private long _started, _peak;

    /// <returns>The exit code: 0 without findings, 1 with.</returns>
    public int Run()
    {
        Console.WriteLine($"fuzz: seed {options.Seed}");
        foreach (var target in targets)
            target.Prepare();
        var clock = Stopwatch.StartNew();
        var end = options.Seconds is null && (options.Cases ?? options.Each) is not null ? TimeSpan.MaxValue : TimeSpan.FromSeconds(options.Seconds ?? 60);
        using var watchdog = new Timer(_ => Watch(), null, 500, 500);
        var workers = Enumerable.Range(0, Threads).Select(n => new Thread(() => Work(n, clock, end)) { Name = $"fuzz {n}" }).ToList();
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());
        return Report(clock.Elapsed);
    }

    /// <summary>Runs one case again, with everything it throws.</summary>
    public static int Reproduce(FuzzTarget target, int seed)
    {
        target.Prepare();
        var clock = Stopwatch.StartNew();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var result = "refused";
        try
        {
            result = target.Run(new Dice(seed) { Trace = Console.WriteLine }) ? "accepted" : "refused";
        }
        catch (Exception e)
        {
            result = "finding: " + e;
        }
        Console.WriteLine($"{target.Name}:{seed}: {clock.Elapsed.TotalMilliseconds:F1} ms, {GC.GetAllocatedBytesForCurrentThread() - allocated:N0} bytes allocated, {result}");
        return result.StartsWith("finding", StringComparison.Ordinal) ? 1 : 0;
    }

    private void Work(int thread, Stopwatch clock, TimeSpan end)
    {
        var most = options.Each ?? long.MaxValue;
        for (var turn = thread; clock.Elapsed < end && Array.Exists(_tallies, t => Volatile.Read(ref t.Started) < most); turn++)
        {
            var tally = _tallies[turn % _tallies.Length];
            var turnEnd = clock.Elapsed + Turn;
            while (clock.Elapsed < turnEnd && clock.Elapsed < end)
            {
                if (Interlocked.Increment(ref tally.Started) is var number && number > most)
                    break;
                if (Interlocked.Increment(ref _started) > (options.Cases ?? long.MaxValue))
                    return;
                One(thread, tally, SeedOf(number));
            }
        }
    }

    // Neighbouring numbers, far apart seeds: the finaliser of MurmurHash3.
    private int SeedOf(long number)
    {
        var x = (uint)options.Seed * 0x9E3779B9u + (uint)number;
        x = (x ^ x >> 16) * 0x85EBCA6B;
        x = (x ^ x >> 13) * 0xC2B2AE35;
        return (int)((x ^ x >> 16) & int.MaxValue);
    }

    private void One(int thread, Tally tally, int seed)
    {
        var name = $"{tally.Target.Name}:{seed}";
        var milliseconds = double.MaxValue;
        // What the machine does besides (a collection, another process in the caches) makes a case slow once, not three times in a row.
        for (var attempt = 0; attempt < 3 && milliseconds > SlowestCase; attempt++)
        {
            _running[thread] = (name, Environment.TickCount64);
            var start = ProcessorTime.OfThread();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var accepted = false;
            try
            {
                accepted = tally.Target.Run(new Dice(seed));
            }
            catch (Exception e)
            {
                Found(tally, name, Kind(e), e.ToString());
            }
            _running[thread] = ("", 0);
            milliseconds = Math.Min(milliseconds, (ProcessorTime.OfThread() - start).TotalMilliseconds);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > MostAllocated)
                Found(tally, name, "memory", $"allocated {allocated:N0} bytes, at most {MostAllocated:N0} are allowed");
            if (attempt == 0)
                tally.Count(accepted);
        }
        if (milliseconds > SlowestCase)
            Found(tally, name, "time", $"took {milliseconds:F0} ms, at most {SlowestCase} are allowed");
        tally.Slowest(name, milliseconds);
    }

    private void Found(Tally tally, string name, string kind, string text)
    {
        lock (_lock)
        {
            tally.Findings++;
            kind = tally.Target.Name + " " + kind;
            var seen = _kinds[kind] = _kinds.GetValueOrDefault(kind) + 1;
            if (seen > ShownPerKind)
                return;
            Console.WriteLine($"finding: {name}: {text}");
        }
    }

    // The same place in the library is the same finding.
    private static string Kind(Exception e)
    {
        var frame = new StackTrace(e).GetFrames().FirstOrDefault(f => f.GetMethod()?.DeclaringType?.FullName?.StartsWith("Platter.Fuzz", StringComparison.Ordinal) == false
            && f.GetMethod()?.DeclaringType?.FullName?.StartsWith("Platter", StringComparison.Ordinal) == true);
        return $"{e.GetType().Name} in {frame?.GetMethod()?.DeclaringType?.Name}.{frame?.GetMethod()?.Name}{(e is BrokenPromiseException ? e.Message.Split(':')[0] : "")}";
    }

    private void Watch()
    {
        _peak = Math.Max(_peak, GC.GetTotalMemory(forceFullCollection: false));
        foreach (var (name, started) in _running)
        {
            if (name is not (null or "") && started != 0 && Environment.TickCount64 - started > Hang)
            {
                Console.WriteLine($"finding: {name}: still running after {Hang / 1000} s");
                Console.WriteLine("fuzz: ended by a hang, 1 finding");
                Environment.Exit(1);
            }
        }
    }

    private int Report(TimeSpan took)
    {
        foreach (var tally in _tallies)
        {
            Console.WriteLine(tally.Line());
            // Without its bases (the corpus is not beside the repository, say) a target tries nothing, and finds nothing.
            if (tally.TriesNothing)
                Found(tally, tally.Target.Name, "without bases", $"none of {tally.Cases} cases got beyond the door");
        }
        foreach (var (kind, count) in _kinds.OrderByDescending(k => k.Value))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {count} x {kind}"));
        var cases = _tallies.Sum(t => t.Cases);
        var findings = _tallies.Sum(t => t.Findings);
        Console.WriteLine($"fuzz: seed {options.Seed}, {took.TotalSeconds:F0} s, {cases / took.TotalSeconds:F0} cases a second, peak of the managed heap {_peak >> 20} MiB, {GC.GetTotalPauseDuration().TotalSeconds:F1} s collecting");
        Console.WriteLine($"fuzz: {cases} cases, {findings} findings");
        return findings == 0 ? 0 : 1;
    }

    private sealed class Tally(FuzzTarget target)
    {
        public long Started, Findings;
        private readonly Lock _lock = new();
        private long _accepted, _refused;
        private double _total, _slowest;
        private string _slowestName = "";

        public FuzzTarget Target => target;
        public long Cases => _accepted + _refused;
        public bool TriesNothing => _accepted == 0 && _refused >= 1000;

        public void Count(bool accepted)
        {
            lock (_lock)
            {
                if (accepted)
                    _accepted++;
                else
                    _refused++;
            }
        }

        public void Slowest(string name, double milliseconds)
        {
            lock (_lock)
            {
                _total += milliseconds;
                if (milliseconds > _slowest)
                    (_slowest, _slowestName) = (milliseconds, name);
            }
        }

        public string Line() => string.Create(CultureInfo.InvariantCulture,
            $"{target.Name,-12} {Cases,8} cases {Cases / Math.Max(_total / 1000, 0.001),7:F0}/s a thread  accepted {_accepted,8}  refused {_refused,8}  slowest {_slowest,7:F1} ms ({_slowestName})  findings {Findings}");
    }
}
