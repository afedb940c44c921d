using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.Primitives;

namespace Platter.Trees.Host;

/// <summary>A folder of a Linux host as a tree, by calls relative to open directories: a file costs four of them.</summary>
internal sealed class LinuxTreeSource : HostTreeSource
{
    /// <summary>A directory stays open while the walk is below it; deeper trees than this run out of handles on no host.</summary>
    private const int MaxDepth = 512;

    /// <summary>Where the walk stands: the directories open, from the top down.</summary>
    private readonly GrowingArray<Level> _open = new();

    public LinuxTreeSource(string path, string? name, HostSourceOptions options)
        : base(path, name, options)
    {
        if (name is null)
            RootMetadata = Stat(LinuxFiles.CurrentDirectory, HostPath + "/.", HostPath).ToMetadata(null);
    }

    public override FileMetadata? RootMetadata { get; }

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        CloseAll();
        try
        {
            if (TopName is not null)
            {
                var top = MakeEntry(null, LinuxFiles.CurrentDirectory, TopName, HostPath, HostPath);
                yield return top;
                if (top.Kind != EntryKind.Directory || top.Problem is not null)
                    yield break;
                if (Enter(top, LinuxFiles.CurrentDirectory, HostPath, LinuxFiles.NoFollow) is { } problem)
                    yield return problem;
            }
            else if (Enter(null, LinuxFiles.CurrentDirectory, HostPath, 0) is { } problem)
            {
                yield return problem;
            }
            while (_open.TryPeek(out var level))
            {
                cancellation.ThrowIfCancellationRequested();
                if (level.Next == level.Names.Count)
                {
                    _open.RemoveLast();
                    level.Dispose();
                    continue;
                }
                var name = level.Names[level.Next++];
                if (IsExcluded(level.Entry, name, level.Path))
                    continue;
                var entry = MakeEntry(level.Entry, level.Handle, name, name, level.Path + "/" + name);
                if (IsExcludedDirectory(entry))
                    continue;
                yield return entry;
                if (entry.Kind != EntryKind.Directory || entry.Problem is not null)
                    continue;
                if (Enter(entry, level.Handle, name, LinuxFiles.NoFollow) is { } unreadable)
                    yield return unreadable;
            }
        }
        finally
        {
            CloseAll();
        }
    }

    internal override TreeEntry? LoneFile =>
        TopName is not null && MakeEntry(null, LinuxFiles.CurrentDirectory, TopName, HostPath, HostPath) is { Kind: EntryKind.File, Problem: null } top ? top : null;

    public override int ReadWhole(TreeEntry entry, Span<byte> buffer)
    {
        var host = (HostEntry)entry;
        var file = OpenFile(host);
        try
        {
            var done = 0;
            while (done < buffer.Length)
            {
                var n = LinuxFiles.ReadAt(file, done, buffer[done..]);
                if (n < 0)
                    throw LinuxFiles.Failure(host.HostPath, LinuxFiles.Error);
                if (n == 0)
                    break;
                done += n;
            }
            host.HasAttributes = LinuxFiles.HasAttributes(file);
            return done;
        }
        finally
        {
            _ = LinuxFiles.Close(file);
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        if (stream != StreamName.Data)
            throw new FileNotFoundException($"{entry.Path} has no {stream}");
        var host = (HostEntry)entry;
        return new LinuxContent(new SafeFileHandle(OpenFile(host), ownsHandle: true), host.HostPath, entry.Metadata.AllocatedLength < entry.Length);
    }

    internal override bool MayHaveExtras(TreeEntry entry)
    {
        var host = (HostEntry)entry;
        if (host is { HasAttributes: null, Level: { IsOpen: true } level })
            host.HasAttributes = LinuxFiles.HasAttributes(level.Handle, host.HostName);
        return host.HasAttributes != false;
    }

    public override IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(TreeEntry entry)
    {
        var host = (HostEntry)entry;
        if (host.HasAttributes == false || entry.Kind is not (EntryKind.File or EntryKind.Directory))
            return NoAttributes;
        int file;
        try
        {
            file = OpenFile(host);
        }
        catch (UnauthorizedAccessException) when (entry.Kind == EntryKind.Directory)
        {
            // The walk reports the directory that it cannot enter.
            return NoAttributes;
        }
        try
        {
            return LinuxFiles.GetAttributes(file);
        }
        finally
        {
            _ = LinuxFiles.Close(file);
        }
    }

    public override TreeEntry? FollowLink(TreeEntry link)
    {
        var host = (HostEntry)link;
        FileSystemInfo? target;
        try
        {
            target = new FileInfo(host.HostPath).ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException)
        {
            return null;
        }
        // Lexically within the folder and, by the second look, not through a link that leads out of it.
        if (target is not FileInfo { Exists: true } file || !file.FullName.StartsWith(FullPath + "/", StringComparison.Ordinal))
            return null;
        for (var folder = file.Directory; folder is not null && folder.FullName.Length > FullPath.Length; folder = folder.Parent)
        {
            if (folder.LinkTarget is not null)
                return null;
        }
        return LinuxFiles.TryStat(LinuxFiles.CurrentDirectory, file.FullName, out var stat) && stat.Kind == EntryKind.File
            ? new HostEntry(link.Parent, link.Name, stat.ToMetadata(null), null, file.FullName)
            : null;
    }

    protected override void Dispose(bool disposing)
    {
        CloseAll();
        base.Dispose(disposing);
    }

    private static LinuxStat Stat(int directory, string name, string path) =>
        LinuxFiles.TryStat(directory, name, out var stat) ? stat : throw LinuxFiles.Failure(path, LinuxFiles.Error);

    private HostEntry MakeEntry(TreeEntry? parent, int directory, string name, string hostName, string hostPath)
    {
        var level = _open.Count > 0 ? _open[_open.Count - 1] : null;
        try
        {
            var stat = Stat(directory, hostName, hostPath);
            string? target = null;
            if (stat.Kind == EntryKind.SymbolicLink)
                target = LinuxFiles.ReadLink(directory, hostName) ?? throw LinuxFiles.Failure(hostPath, LinuxFiles.Error);
            var linked = stat.LinkCount > 1 && stat.Kind != EntryKind.Directory;
            return new HostEntry(parent, name, stat.ToMetadata(target), level, hostPath) { LinkIdentity = linked ? IdentityOf(stat) : null };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new HostEntry(parent, name, new FileMetadata { Kind = EntryKind.File }, level, hostPath) { Problem = e };
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object IdentityOf(in LinuxStat stat) => stat.Identity;

    /// <summary>Opens and lists a directory; what does not work is an entry that says so.</summary>
    private HostEntry? Enter(TreeEntry? entry, int parent, string name, int flags)
    {
        var path = _open.TryPeek(out var above) ? above.Path + "/" + name : HostPath;
        var handle = _open.Count < MaxDepth ? LinuxFiles.Open(parent, name, LinuxFiles.ReadOnly | LinuxFiles.Directory | flags) : -1;
        Exception reason;
        if (handle < 0)
        {
            reason = _open.Count < MaxDepth
                ? LinuxFiles.Failure(path, LinuxFiles.Error)
                : new PathTooLongException($"{path} lies more than {MaxDepth} folders deep");
        }
        else
        {
            try
            {
                var names = LinuxFiles.List(handle, path);
                names.Sort(StringComparer.Ordinal);
                _open.Add(new Level(handle, entry, path, names));
                return null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _ = LinuxFiles.Close(handle);
                reason = e;
            }
        }
        return new HostEntry(entry, "", new FileMetadata { Kind = EntryKind.Directory }, null, path) { Problem = reason };
    }

    /// <summary>Opens a file or directory, never through a link in its last name; while the walk is in its directory, relative to that.</summary>
    private static int OpenFile(HostEntry entry)
    {
        var level = entry.Level is { IsOpen: true } open ? open : null;
        // Not to hang, should a FIFO have taken the file's place meanwhile.
        const int flags = LinuxFiles.ReadOnly | LinuxFiles.NonBlocking;
        var file = level is null
            ? LinuxFiles.Open(LinuxFiles.CurrentDirectory, entry.HostPath, flags | LinuxFiles.NoFollow)
            : LinuxFiles.Open(level.Handle, entry.HostName, flags | LinuxFiles.NoFollow);
        return file >= 0 ? file : throw LinuxFiles.Failure(entry.HostPath, LinuxFiles.Error);
    }

    private void CloseAll()
    {
        while (_open.TryPop(out var level))
            level.Dispose();
    }

    /// <summary>A directory that the walk is in.</summary>
    private sealed class Level(int handle, TreeEntry? entry, string path, List<string> names) : IDisposable
    {
        public int Handle { get; } = handle;
        public TreeEntry? Entry { get; } = entry;
        public string Path { get; } = path;
        public List<string> Names { get; } = names;
        public int Next { get; set; }
        public bool IsOpen { get; private set; } = true;

        public void Dispose()
        {
            IsOpen = false;
            _ = LinuxFiles.Close(Handle);
        }
    }

    private sealed class HostEntry(TreeEntry? parent, string name, FileMetadata metadata, Level? level, string hostPath)
        : TreeEntry(parent, name, metadata)
    {
        public Level? Level { get; } = level;
        public string HostPath { get; } = hostPath;
        public string HostName => field ??= HostPath[(HostPath.LastIndexOf('/') + 1)..];

        /// <summary>Whether it has extended attributes; null when nobody has looked.</summary>
        public bool? HasAttributes { get; set; }
    }

    private sealed class LinuxContent : TreeContent
    {
        private readonly SafeFileHandle _file;
        private readonly bool _mayHaveHoles;

        public LinuxContent(SafeFileHandle file, string path, bool mayHaveHoles)
        {
            _file = file;
            _mayHaveHoles = mayHaveHoles;
            if (!LinuxFiles.TryStat((int)file.DangerousGetHandle(), "", out var stat) || stat.Kind != EntryKind.File)
            {
                file.Dispose();
                throw new IOException($"{path} is no longer a file");
            }
            Length = (long)stat.Size;
        }

        public override long? Length { get; }

        public override int ReadAt(long offset, Span<byte> buffer) => RandomAccess.Read(_file, buffer, offset);

        public override IEnumerable<ByteRange> DataRanges()
        {
            var length = Length!.Value;
            if (!_mayHaveHoles)
            {
                if (length > 0)
                    yield return new ByteRange(0, length);
                yield break;
            }
            for (var position = 0L; position < length;)
            {
                var data = LinuxFiles.Seek(_file, position, data: true);
                if (data < 0 || data >= length)
                    yield break;
                var hole = LinuxFiles.Seek(_file, data, data: false);
                var end = hole < 0 ? length : Math.Min(hole, length);
                if (end <= data)
                    yield break;
                yield return new ByteRange(data, end - data);
                position = end;
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _file.Dispose();
            base.Dispose(disposing);
        }
    }
}
