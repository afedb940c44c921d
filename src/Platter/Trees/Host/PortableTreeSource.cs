using Microsoft.Win32.SafeHandles;
using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>A folder of any host as a tree, by what the framework knows of files: attributes on Windows, modes on macOS; no
/// owners, hard links or special files.</summary>
internal sealed class PortableTreeSource : HostTreeSource
{
    private const int MaxDepth = 512;

    public PortableTreeSource(string path, string? name, HostSourceOptions options)
        : base(path, name, options)
    {
        if (name is null)
            RootMetadata = Describe(new DirectoryInfo(FullPath));
    }

    public override FileMetadata? RootMetadata { get; }

    public override IEnumerable<TreeEntry> Walk(CancellationToken cancellation = default)
    {
        var stack = new Stack<(TreeEntry? Directory, Queue<FileSystemInfo> Left)>();
        if (TopName is not null)
        {
            FileSystemInfo info = new DirectoryInfo(FullPath);
            if (!info.Exists || info.LinkTarget is not null)
                info = new FileInfo(FullPath);
            var top = new PortableEntry(null, TopName, Describe(info), FullPath);
            yield return top;
            if (top.Kind != EntryKind.Directory)
                yield break;
            stack.Push((top, List(FullPath, top, out var unreadable)));
            if (unreadable is not null)
                yield return unreadable;
        }
        else
        {
            stack.Push((null, List(FullPath, null, out var unreadable)));
            if (unreadable is not null)
                yield return unreadable;
        }
        while (stack.TryPeek(out var level))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!level.Left.TryDequeue(out var info))
            {
                stack.Pop();
                continue;
            }
            if (IsExcluded(level.Directory, info.Name, Path.GetDirectoryName(info.FullName)!))
                continue;
            var entry = new PortableEntry(level.Directory, info.Name, Describe(info), info.FullName);
            if (IsExcludedDirectory(entry))
                continue;
            yield return entry;
            if (entry.Kind != EntryKind.Directory)
                continue;
            if (stack.Count >= MaxDepth)
            {
                yield return new PortableEntry(entry, "", entry.Metadata, info.FullName)
                {
                    Problem = new PathTooLongException($"{info.FullName} lies more than {MaxDepth} folders deep"),
                };
                continue;
            }
            stack.Push((entry, List(info.FullName, entry, out var unreadable)));
            if (unreadable is not null)
                yield return unreadable;
        }
    }

    public override TreeContent OpenContent(TreeEntry entry, StreamName stream)
    {
        if (stream != StreamName.Data)
            throw new FileNotFoundException($"{entry.Path} has no {stream}");
        return new PortableContent(File.OpenHandle(((PortableEntry)entry).HostPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
    }

    private static Queue<FileSystemInfo> List(string path, TreeEntry? entry, out TreeEntry? unreadable)
    {
        unreadable = null;
        try
        {
            return new Queue<FileSystemInfo>(new DirectoryInfo(path).GetFileSystemInfos().OrderBy(i => i.Name, StringComparer.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            unreadable = new PortableEntry(entry, "", new FileMetadata { Kind = EntryKind.Directory }, path) { Problem = e };
            return new Queue<FileSystemInfo>();
        }
    }

    private static FileMetadata Describe(FileSystemInfo info)
    {
        var target = info.LinkTarget;
        var kind = target is not null ? EntryKind.SymbolicLink : info is DirectoryInfo ? EntryKind.Directory : EntryKind.File;
        const DosAttributes kept = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive;
        return new FileMetadata
        {
            Kind = kind,
            Length = kind == EntryKind.File && info is FileInfo { Exists: true } file ? file.Length : 0,
            Created = Timestamp.From(new DateTimeOffset(info.CreationTimeUtc)),
            Modified = Timestamp.From(new DateTimeOffset(info.LastWriteTimeUtc)),
            Accessed = Timestamp.From(new DateTimeOffset(info.LastAccessTimeUtc)),
            Mode = OperatingSystem.IsWindows() ? null : target is not null ? 0x1FF : (int)info.UnixFileMode & 0xFFF,
            DosAttributes = OperatingSystem.IsWindows() ? (DosAttributes)(int)info.Attributes & kept : null,
            LinkTarget = target,
        };
    }

    private sealed class PortableEntry(TreeEntry? parent, string name, FileMetadata metadata, string hostPath) : TreeEntry(parent, name, metadata)
    {
        public string HostPath { get; } = hostPath;
    }

    private sealed class PortableContent(SafeFileHandle file) : TreeContent
    {
        public override long? Length { get; } = RandomAccess.GetLength(file);

        public override int ReadAt(long offset, Span<byte> buffer) => RandomAccess.Read(file, buffer, offset);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
            base.Dispose(disposing);
        }
    }
}
