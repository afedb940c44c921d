using System.Globalization;
using Platter.FileSystems;
using Xunit;
using Xunit.Sdk;

namespace Platter.Testing.Volumes;

/// <summary>Edits a volume at random, thousands of times, beside a model of it; small enough to get full now and then.</summary>
/// <remarks>The tree is compared every <see cref="CompareEvery"/> steps; every <see cref="JudgeEvery"/> steps the volume is closed, opened,
/// compared and given to both checkers. A failure names seed, step and the last edits; the same seed makes the same edits.</remarks>
public sealed class RandomEdits
{
    private const int CompareEvery = 50, JudgeEvery = 100, MaxEntries = 220, MaxDepth = 6;

    private readonly ConformanceCase _case;
    private readonly Random _random;
    private readonly Queue<string> _log = new();
    private readonly (int Weight, Action Edit)[] _edits;
    private readonly int _totalWeight;
    private readonly long _volumeBytes;
    private ModelTree _committed;
    private bool _wasFull;

    private RandomEdits(ConformanceCase @case, int seed)
    {
        _case = @case;
        _random = new Random(seed);
        _committed = @case.Tree.Clone();
        _volumeBytes = @case.Volume.FreeBytes;
        _edits =
        [
            (22, CreateFile), (8, CreateDirectory), (12, WriteAnywhere), (10, Append), (8, SetLength), (5, WriteInTurns), (8, RenameOrMove), (4, Replace),
            (2, ChangeCase), (12, Delete), (2, DeleteRecursively), (6, SetMetadata), (3, RefusedEdit), (3, Link), (2, SetStreamOrAttribute),
            (5, Commit), (1, Rollback), (2, Reopen),
        ];
        _totalWeight = _edits.Sum(e => e.Weight);
    }

    /// <summary>As many steps as a slow machine takes, too.</summary>
    public const int LeastSteps = 120;

    /// <summary>Edits that were made, and how many of them the volume was too full for.</summary>
    public readonly record struct Outcome(int Steps, int Refusals, int Judgements);

    private int Refusals { get; set; }
    private int Judgements { get; set; }

    /// <summary>Runs a number of random steps on the fixture's smallest volume.</summary>
    /// <param name="fixture">A fresh fixture; disposed at the end.</param>
    /// <param name="seed">Decides everything.</param>
    /// <param name="steps">How many edits.</param>
    /// <param name="timeLimit">Ends the run earlier, after a last judgement, but not before <see cref="LeastSteps"/>; null for none.</param>
    public static Outcome Run(VolumeFixture fixture, int seed, int steps, TimeSpan? timeLimit = null)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"RandomEdits seed {seed}");
        using var test = new ConformanceCase(fixture, fixture.SmallLength);
        var run = new RandomEdits(test, seed);
        var end = timeLimit is { } limit ? Environment.TickCount64 + (long)limit.TotalMilliseconds : long.MaxValue;
        var step = 0;
        try
        {
            while (step < steps && (step < LeastSteps || Environment.TickCount64 < end))
                run.Step(++step);
            test.Finish();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new XunitException($"RandomEdits seed {seed} failed at step {step}: {e.Message}\nthe last edits:\n{string.Join('\n', run._log)}", e);
        }
        return new Outcome(step, run.Refusals, run.Judgements);
    }

    private void Step(int step)
    {
        _case.Fixture.Clock.Advance(TimeSpan.FromSeconds(_random.Next(100)));
        // A full volume, or one with many entries, is thinned out.
        if ((_wasFull && _random.Next(3) == 0) || _case.Tree.All().Count() > MaxEntries)
        {
            _wasFull = false;
            Delete();
            Delete();
        }
        var pick = _random.Next(_totalWeight);
        var i = 0;
        while ((pick -= _edits[i].Weight) >= 0)
            i++;
        _edits[i].Edit();
        if (step % CompareEvery == 0)
            _case.CompareLive("after some edits");
        if (step % JudgeEvery == 0)
        {
            Reopen();
            _case.Judge();
            Judgements++;
        }
    }

    private void CreateFile()
    {
        var path = NewPath();
        var content = _random.Next(4) == 0 ? null : Content();
        Try($"create {path}, {content?.Length.ToString(CultureInfo.InvariantCulture) ?? "empty"}", content?.Length ?? 0, path, () => _case.File(path, content));
    }

    private void CreateDirectory()
    {
        var path = NewPath();
        if (path.Count(c => c == '/') <= MaxDepth)
            Try($"mkdir {path}", 0, path, () => _case.Directory(path));
    }

    private void WriteAnywhere()
    {
        if (Pick(EntryKind.File) is not { } file)
            return;
        var content = Content();
        var offset = _random.NextInt64(file.Node.Length + (_random.Next(5) == 0 ? 30_000 : 1));
        Try($"write {file.Path} at {offset}, {content.Length}", offset + content.Length, null, () => _case.Write(file.Path, offset, content));
    }

    private void Append()
    {
        if (Pick(EntryKind.File) is not { } file)
            return;
        var content = Content();
        Try($"append {file.Path}, {content.Length}", file.Node.Length + content.Length, null, () => _case.Write(file.Path, file.Node.Length, content));
    }

    private void SetLength()
    {
        if (Pick(EntryKind.File) is not { } file)
            return;
        var length = _random.Next(6) == 0 ? 0 : _random.NextInt64(2 * file.Node.Length + 2);
        Try($"truncate {file.Path} to {length}", length, null, () => _case.SetLength(file.Path, length));
    }

    private void WriteInTurns()
    {
        if (Pick(EntryKind.File) is not { } file)
            return;
        using var stream = _case.Volume.OpenWrite(_case.Id(file.Path), StreamName.Data);
        for (var i = 0; i < 4; i++)
        {
            var content = Content();
            var offset = _random.NextInt64(file.Node.Length + 1);
            Try($"write open {file.Path} at {offset}, {content.Length}", offset + content.Length, null, () =>
            {
                stream.WriteAt(offset, content);
                file.Node.Write(offset, content);
                file.Node.Metadata = file.Node.Metadata with { Modified = null, Accessed = null, Attributes = null };
            });
            if (_random.Next(4) == 0)
                Commit();
        }
    }

    private void RenameOrMove()
    {
        if (Pick(null) is not { } from)
            return;
        var to = _random.Next(2) == 0 ? $"{ModelTree.ParentOf(from.Path)}/{Name()}" : NewPath();
        if (IsWithin(to, from.Path))
            Throws<ArgumentException>($"move {from.Path} into itself", () => _case.Rename(from.Path, to));
        else if (!SamePath(from.Path, to))
            Try($"rename {from.Path} to {to}", 0, to, () => _case.Rename(from.Path, to));
    }

    private void Replace()
    {
        if (Pick(EntryKind.File) is not { } from || Pick(EntryKind.File) is not { } to || from.Path == to.Path)
            return;
        Try($"replace {to.Path} by {from.Path}", 0, null, () => _case.Rename(from.Path, to.Path, replace: true));
    }

    private void ChangeCase()
    {
        if (Pick(null) is not { } entry)
            return;
        var name = ModelTree.NameOf(entry.Path);
        var upper = name.ToUpperInvariant();
        var newPath = $"{ModelTree.ParentOf(entry.Path)}/{(string.Equals(name, upper, StringComparison.Ordinal) ? name.ToLowerInvariant() : upper)}";
        if (_case.Fixture.StoredName(newPath) == newPath && SamePath(entry.Path, newPath))
            Try($"change case of {entry.Path}", 0, null, () => _case.Rename(entry.Path, newPath));
    }

    private void Delete()
    {
        if (Pick(null) is not { } entry)
            return;
        if (entry.Node.Children is { Count: > 0 })
            Throws<DirectoryNotEmptyException>($"delete {entry.Path}, not empty", () => _case.Delete(entry.Path));
        else
            Try($"delete {entry.Path}", 0, null, () => _case.Delete(entry.Path));
    }

    private void DeleteRecursively()
    {
        if (Pick(EntryKind.Directory) is { } directory)
            Try($"delete recursively {directory.Path}", 0, null, () => _case.DeleteRecursively(directory.Path));
    }

    private void SetMetadata()
    {
        if (Pick(null) is not { } entry)
            return;
        var time = new Timestamp(_random.NextInt64(315_532_800, 4_000_000_000), _random.Next(1_000_000_000));
        var bits = _case.Capabilities.SettableAttributes & ~_case.Fixture.AttributesWithMeaning;
        var change = new MetadataChange
        {
            Modified = _random.Next(2) == 0 ? time : null,
            Created = _random.Next(2) == 0 && _case.Capabilities.Created is not null ? time : null,
            Accessed = _random.Next(3) == 0 && _case.Capabilities.Accessed is not null ? time : null,
            DosAttributes = _case.Has(Features.DosAttributes) && _random.Next(2) == 0 ? (DosAttributes)_random.Next(256) & bits : null,
            Mode = _case.Has(Features.Mode) && _random.Next(2) == 0 ? _random.Next(0x1000) : null,
            UserId = _case.Has(Features.Owner) && _random.Next(2) == 0 ? (uint)_random.Next(100_000) : null,
        };
        Try($"set metadata of {entry.Path}", 0, null, () => _case.Set(entry.Path, change));
    }

    private void RefusedEdit()
    {
        if (Pick(null) is not { } entry)
            return;
        var parent = _case.Id(ModelTree.ParentOf(entry.Path));
        Throws<AlreadyExistsException>($"create {entry.Path} again", () => _case.Volume.CreateFile(parent, ModelTree.NameOf(entry.Path), MetadataChange.None));
        Throws<InvalidNameException>("create an empty name", () => _case.Volume.CreateDirectory(parent, "", MetadataChange.None));
        Throws<FileNotFoundException>("delete what is missing", () => _case.Volume.Delete(parent, "never made"));
    }

    private void Link()
    {
        var path = NewPath();
        if (_case.Has(Features.SymbolicLinks) && _random.Next(2) == 0)
            Try($"symlink {path}", 0, path, () => _case.SymbolicLink(path, new string('t', _random.Next(1, 200))));
        else if (_case.Has(Features.HardLinks) && Pick(EntryKind.File) is { } file)
            Try($"link {file.Path} as {path}", 0, path, () => _case.HardLink(file.Path, path));
    }

    private void SetStreamOrAttribute()
    {
        if (Pick(EntryKind.File) is not { } file)
            return;
        var content = Content();
        if (_case.Has(Features.NamedStreams))
            Try($"stream of {file.Path}, {content.Length}", content.Length, null, () => WriteWholeStream(file.Path, content));
    }

    // Truncating and writing are two edits: the model follows each.
    private void WriteWholeStream(string path, byte[] content)
    {
        var name = StreamName.Named("stream");
        using var stream = _case.Volume.OpenWrite(_case.Id(path), name);
        var node = _case.Tree.Find(path);
        node.Metadata = node.Metadata with { Modified = null, Accessed = null, Attributes = null };
        stream.SetLength(0);
        node.Streams[name] = [];
        stream.WriteAt(0, content);
        node.Streams[name] = content;
    }

    private void Commit()
    {
        Log("commit");
        _case.Commit();
        _committed = _case.Tree.Clone();
    }

    private void Rollback()
    {
        Log("rollback");
        _case.Rollback(_committed);
        _case.CompareLive("after a rollback");
    }

    private void Reopen()
    {
        Log("reopen");
        _case.Reopen();
        _committed = _case.Tree.Clone();
    }

    /// <summary>Makes an edit that may find the volume full, or the name at <paramref name="target"/> taken.</summary>
    private void Try(string words, long bytes, string? target, Action edit)
    {
        Log(words);
        if (target is not null && Exists(target))
        {
            Assert.Throws<AlreadyExistsException>(edit);
            return;
        }
        try
        {
            edit();
            return;
        }
        catch (VolumeFullException)
        {
            Log("  the volume is full");
        }
        Refusals++;
        // Nothing is kept of the edit, but a directory in which a file was made and taken back may have got a new time.
        if (target is not null)
        {
            var parent = _case.Tree.Find(ModelTree.ParentOf(target));
            parent.Metadata = parent.Metadata with { Modified = null, Accessed = null };
        }
        _case.CompareLive("after the volume was found full");
        // What was freed since the last commit may not be used before the next; after it a volume must not refuse what clearly fits.
        Commit();
        var need = bytes + _case.Fixture.ContentOverhead(bytes) + 40L * _case.ClusterSize;
        var mayBeFixedRoot = _case.Fixture.RootEntries is not null && (target is null || ModelTree.ParentOf(target).Length == 0);
        if (_case.Volume.FreeBytes > need && !mayBeFixedRoot)
            edit();
        else
            _wasFull = true;
    }

    private void Throws<T>(string words, Action edit) where T : Exception
    {
        Log(words);
        Assert.Throws<T>(edit);
    }

    private void Log(string words)
    {
        _log.Enqueue(words);
        if (_log.Count > 25)
            _log.Dequeue();
    }

    private (string Path, ModelNode Node)? Pick(EntryKind? kind)
    {
        var all = _case.Tree.All().Where(e => kind is null || e.Node.Kind == kind).ToList();
        return all.Count == 0 ? null : all[_random.Next(all.Count)];
    }

    private string NewPath()
    {
        var directory = _random.Next(3) == 0 ? null : Pick(EntryKind.Directory);
        return $"{directory?.Path}/{Name()}";
    }

    private string Name()
    {
        while (true)
        {
            var number = _random.Next(40);
            var name = _random.Next(8) switch
            {
                0 or 1 => $"FILE{number}.TXT",
                2 => $"file{number}.txt",
                3 => $"A longer name number {number}",
                4 => $"a LONGER name Number {number}",
                5 => new string((char)('a' + number % 26), 1 + _random.Next(_case.Capabilities.MaxNameLength)),
                6 => $"Größe {number} ж",
                _ => $"\U0001F4BE{number}.disk",
            };
            if (_case.Fixture.IsNameAllowed(name, _case.Capabilities))
                return name;
        }
    }

    // Mostly small, around the boundaries; sometimes a good part of the volume.
    private byte[] Content()
    {
        var length = _random.Next(12) switch
        {
            0 => _volumeBytes / 4,
            1 or 2 => _random.NextInt64(_volumeBytes / 12),
            3 => _case.ClusterSize * _random.Next(1, 5),
            4 => _case.ClusterSize * _random.Next(1, 5) - 1,
            5 => 1,
            _ => _random.Next(1, 3 * _case.ClusterSize),
        };
        return ConformanceCase.Bytes(length, _random.Next());
    }

    private bool Exists(string path) => _case.Tree.Find(ModelTree.ParentOf(path)).Children!.ContainsKey(_case.Fixture.StoredName(ModelTree.NameOf(path)));

    private bool SamePath(string a, string b) => ModelTree.ParentOf(a) == ModelTree.ParentOf(b)
        && _case.Fixture.NameComparer(_case.Capabilities).Equals(ModelTree.NameOf(a), ModelTree.NameOf(b));

    private static bool IsWithin(string path, string directory) => path.StartsWith(directory + "/", StringComparison.Ordinal);
}
