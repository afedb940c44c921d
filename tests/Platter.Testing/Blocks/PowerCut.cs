using Platter.Blocks;
using Xunit;

namespace Platter.Testing.Blocks;

/// <summary>One instant at which the power went.</summary>
/// <param name="Number">Counted from 0 over the whole run.</param>
/// <param name="Oldest">How many commits had returned: at least these must be there.</param>
/// <param name="Newest">How many commits had begun: nothing later can be there.</param>
/// <param name="Description">What had been done, and what of it the medium kept; for messages.</param>
public sealed record CrashPoint(int Number, int Oldest, int Newest, string Description)
{
    /// <summary>Fails unless what was found is one of the states that can be there.</summary>
    /// <param name="states">As after so many commits; that of a commit must be known when it begins.</param>
    /// <param name="found">What was found.</param>
    public void AssertAmong(IReadOnlyList<string> states, string found) =>
        Assert.Contains(found, Enumerable.Range(Oldest, Newest - Oldest + 1).Select(i => states[i]));
}

/// <summary>How thorough a run is.</summary>
public sealed record PowerCutOptions
{
    public int Seed { get; init; } = 1;

    /// <summary>Random selections of what the medium kept, per prefix of the log.</summary>
    public int Samples { get; init; } = 3;

    /// <summary>Every how many-th crash point its recovery is cut as well; 0 for never.</summary>
    public int RecoveryEvery { get; init; } = 16;

    /// <summary>Most crash points to try; prefixes are skipped evenly to stay below it.</summary>
    public int Limit { get; init; } = 20_000;

    public TransactionOptions? Transaction { get; init; }
}

/// <summary>The files that an image's disk lies in, each of which is made durable by itself.</summary>
/// <param name="Contents">The image's own file, then the others; not changed.</param>
/// <param name="Join">Makes the one device of them that a transaction stands on.</param>
public sealed record PowerCutFiles(IReadOnlyList<byte[]> Contents, Func<IReadOnlyList<ResizableDevice>, BlockDevice> Join);

/// <summary>What a run did.</summary>
/// <param name="CrashPoints">At how many instants the power was cut.</param>
/// <param name="Operations">Of the edit, on the medium.</param>
/// <param name="Commits">Those that returned.</param>
/// <param name="FilesWritten">How many of the image's files the edit wrote to.</param>
public sealed record PowerCutResult(int CrashPoints, int Operations, int Commits, int FilesWritten);

/// <summary>Runs an edit on a simulated host, then cuts the power after every single thing that was done to it, in several ways
/// each: everything arrived; only what had been made durable; the last write torn at a sector; a random choice of the
/// rest, each write whole, torn or lost, names early or late. Recovers, and lets the caller look.</summary>
public static class PowerCut
{
    /// <param name="initialImage">The image before the edit; not changed.</param>
    /// <param name="edit">Edits the device it is given; each <see cref="BlockDevice.Flush"/> is a commit.</param>
    /// <param name="verify">Is given the recovered device; fails unless it is as after <see cref="CrashPoint.Oldest"/>,
    /// <see cref="CrashPoint.Newest"/> or so many commits.</param>
    /// <param name="options">Null for the defaults.</param>
    public static PowerCutResult Run(byte[] initialImage, Action<BlockDevice> edit, Action<BlockDevice, CrashPoint> verify, PowerCutOptions? options = null) =>
        Run(new PowerCutFiles([initialImage], files => files[0]), edit, verify, options);

    /// <inheritdoc cref="Run(byte[], Action{BlockDevice}, Action{BlockDevice, CrashPoint}, PowerCutOptions?)"/>
    public static PowerCutResult Run(byte[] initialImage, Action<BlockDevice> edit, Action<BlockDevice> verify, PowerCutOptions? options = null) =>
        Run(initialImage, edit, (device, _) => verify(device), options);

    /// <summary>The same for an image in several files: of each the medium keeps what it likes until that file is flushed.</summary>
    /// <param name="image">The files before the edit.</param>
    /// <inheritdoc cref="Run(byte[], Action{BlockDevice}, Action{BlockDevice, CrashPoint}, PowerCutOptions?)" path="/param"/>
    public static PowerCutResult Run(PowerCutFiles image, Action<BlockDevice> edit, Action<BlockDevice, CrashPoint> verify, PowerCutOptions? options = null)
    {
        options ??= new PowerCutOptions();
        var before = image.Contents.Select(c => new SharedPages(c)).ToList();
        var medium = new SimulatedMedium([.. before.Select(f => f.Copy())], null);
        using (var transaction = TransactionDevice.Open(image.Join(medium.Images), medium.Store, options.Transaction))
        using (var counted = new CommitMarker(transaction, medium))
            edit(counted);
        var replay = new Replay(options, image.Join, verify);
        replay.Try(medium.Log, before, null, depth: 0, oldest: 0, newest: 0);
        return new PowerCutResult(replay.Tried, medium.Log.Count, medium.Log.Count(o => o.Kind == MediumKind.CommitReturns),
            medium.Log.Where(o => o.Kind == MediumKind.Write && o.File <= 0).Select(o => o.File).Distinct().Count());
    }

    private sealed class CommitMarker(TransactionDevice inner, SimulatedMedium medium) : ForwardingDevice(inner)
    {
        public override void Flush()
        {
            medium.Note(MediumKind.CommitBegins);
            base.Flush();
            medium.Note(MediumKind.CommitReturns);
        }
    }

    private sealed class Replay(PowerCutOptions options, Func<IReadOnlyList<ResizableDevice>, BlockDevice> join, Action<BlockDevice, CrashPoint> verify)
    {
        private readonly Random _random = new(options.Seed);

        internal int Tried { get; private set; }

        internal void Try(List<MediumOperation> log, IReadOnlyList<SharedPages> images, SharedPages? journal, int depth, int oldest, int newest)
        {
            var state = new DurableState(images, journal);
            var ways = 3 + options.Samples;
            var step = Math.Max(1, log.Count * ways / options.Limit);
            for (var done = 0; done <= log.Count; done++)
            {
                if (done > 0)
                {
                    var operation = log[done - 1];
                    state.Apply(operation);
                    oldest += operation.Kind == MediumKind.CommitReturns ? 1 : 0;
                    newest += operation.Kind == MediumKind.CommitBegins ? 1 : 0;
                }
                if (done % step != 0 && done != log.Count)
                    continue;
                var what = done == 0 ? "nothing done" : $"after operation {done} of {log.Count} ({log[done - 1]})";
                Cut(state, _ => 1.0, 1.0, $"{what}, all kept", depth, oldest, newest);
                if (!state.HasPending)
                    continue;
                Cut(state, _ => 0.0, 0.0, $"{what}, only what was durable", depth, oldest, newest);
                if (done > 0 && log[done - 1].Kind == MediumKind.Write)
                {
                    var last = log[done - 1];
                    Cut(state, o => ReferenceEquals(o, last) ? _random.NextDouble() : 1.0, 1.0, $"{what}, the last write torn", depth, oldest, newest);
                }
                for (var i = 0; i < (depth == 0 ? options.Samples : 1); i++)
                    Cut(state, _ => _random.Next(3) switch { 0 => 0.0, 1 => 1.0, _ => _random.NextDouble() }, _random.NextDouble(), $"{what}, random choice {i}", depth, oldest, newest);
            }
        }

        private void Cut(DurableState state, Func<MediumOperation, double> kept, double names, string what, int depth, int oldest, int newest)
        {
            var (images, journal) = state.Survivors(kept, names, _random);
            var number = Tried++;
            var imagesBefore = images.Select(i => i.Copy()).ToList();
            var journalBefore = journal?.Copy();
            var medium = new SimulatedMedium(images, journal);
            Look(medium, new CrashPoint(number, oldest, newest, what));
            if (depth == 0 && options.RecoveryEvery > 0 && number % options.RecoveryEvery == 0 && journalBefore is not null)
                Try(medium.Log, imagesBefore, journalBefore, depth: 1, oldest, newest);
        }

        private void Look(SimulatedMedium medium, CrashPoint point)
        {
            try
            {
                using var device = TransactionDevice.Open(join(medium.Images), medium.Store);
                verify(device, point);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"crash point {point.Number}, {point.Description}, commits {point.Oldest}..{point.Newest}, seed {options.Seed}: {e.Message}", e);
            }
        }
    }

    // What is on the medium for sure, and what has been done since that it may or may not have kept.
    private sealed class DurableState
    {
        private readonly Dictionary<int, SharedPages> _files = [];
        private readonly int _images;
        private readonly List<MediumOperation> _pending = [];
        private readonly List<int> _pendingNames = [];      // the journal that the name stands for after each change; -1 = none
        private int _name;

        internal DurableState(IReadOnlyList<SharedPages> images, SharedPages? journal)
        {
            _images = images.Count;
            for (var i = 0; i < _images; i++)
                _files[SimulatedMedium.NumberOf(i)] = images[i].Copy();
            _name = journal is null ? -1 : 1;
            if (journal is not null)
                _files[1] = journal.Copy();
        }

        internal bool HasPending => _pending.Count > 0 || _pendingNames.Count > 0;

        internal void Apply(MediumOperation operation)
        {
            switch (operation.Kind)
            {
                case MediumKind.Write or MediumKind.SetLength:
                    _pending.Add(operation);
                    break;
                case MediumKind.Flush:
                    foreach (var settled in _pending.Where(o => o.File == operation.File))
                        Settle(File(_files, settled.File), settled, 1.0, null);
                    _pending.RemoveAll(o => o.File == operation.File);
                    break;
                case MediumKind.Link:
                    _pendingNames.Add(operation.File);
                    break;
                case MediumKind.Unlink:
                    _pendingNames.Add(-1);
                    break;
                case MediumKind.FlushNames when _pendingNames.Count > 0:
                    _name = _pendingNames[^1];
                    _pendingNames.Clear();
                    break;
                default:
                    break;
            }
        }

        internal (List<SharedPages> Images, SharedPages? Journal) Survivors(Func<MediumOperation, double> kept, double names, Random random)
        {
            var changes = (int)Math.Round(names * _pendingNames.Count);
            var name = changes == 0 ? _name : _pendingNames[changes - 1];
            var images = Enumerable.Range(0, _images).Select(SimulatedMedium.NumberOf).ToList();
            var files = images.ToDictionary(i => i, i => _files[i].Copy());
            if (name >= 0)
                files[name] = File(_files, name).Copy();
            foreach (var operation in _pending)
            {
                if (files.TryGetValue(operation.File, out var file))
                    Settle(file, operation, kept(operation), random);
            }
            return ([.. images.Select(i => files[i])], name >= 0 ? files[name] : null);
        }

        private static SharedPages File(Dictionary<int, SharedPages> files, int number)
        {
            if (!files.TryGetValue(number, out var file))
                files[number] = file = new SharedPages([]);
            return file;
        }

        // `kept` is the share of the write that arrived: 0 nothing, 1 all, else a random choice of about so many of its sectors, or its first ones.
        private static void Settle(SharedPages file, MediumOperation operation, double kept, Random? random)
        {
            if (operation.Kind == MediumKind.SetLength)
            {
                if (kept > 0.5)
                    file.SetLength(operation.Offset);
                return;
            }
            var data = operation.Data!;
            var inOrder = random is null || random.Next(2) == 0;
            for (var at = 0; at < data.Length;)
            {
                var sectorEnd = (int)Math.Min(data.Length, (operation.Offset + at) / 512 * 512 + 512 - operation.Offset);
                var arrives = kept >= 1.0 || (kept > 0.0 && (inOrder ? at < kept * data.Length : random!.NextDouble() < kept));
                if (arrives)
                {
                    if (operation.Offset + sectorEnd > file.Length)
                        file.SetLength(operation.Offset + sectorEnd);
                    file.Write(operation.Offset + at, data.AsSpan(at, sectorEnd - at));
                }
                at = sectorEnd;
            }
        }
    }
}
