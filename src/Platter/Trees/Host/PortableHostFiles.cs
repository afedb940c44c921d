using Microsoft.Win32.SafeHandles;
using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>Any host's filesystem below a folder, by the framework's calls on paths. Every folder on the way is looked at before
/// it is used, and none may be a link; somebody who swaps folders for links meanwhile is not kept out, as he is on Linux.</summary>
internal sealed class PortableHostFiles : HostFiles
{
    private readonly string _path;

    public PortableHostFiles(string path)
    {
        _path = path;
        var time = OperatingSystem.IsWindows()
            ? new TimeCapability(100, new Timestamp(-11_644_473_600), new Timestamp(253_402_300_799))
            : new TimeCapability(100, new Timestamp(int.MinValue), new Timestamp(253_402_300_799));
        Capabilities = new Capabilities
        {
            Features = Features.SymbolicLinks | (OperatingSystem.IsWindows() ? Features.DosAttributes : Features.Mode),
            MaxNameLength = 255, NameUnit = OperatingSystem.IsWindows() ? NameUnit.Utf16 : NameUnit.Bytes,
            CaseSensitive = OperatingSystem.IsLinux(), MaxFileLength = long.MaxValue, Modified = time, Accessed = time,
            Created = OperatingSystem.IsWindows() ? time : null,
            SettableAttributes = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive,
        };
    }

    public override Capabilities Capabilities { get; }
    public override Ownership? Self => null;

    public override bool TryStat(HostFolder folder, string name, out HostStat stat)
    {
        var path = Combine(folder, name);
        FileSystemInfo info = new FileInfo(path);
        if (info.LinkTarget is null && Directory.Exists(path))
            info = new DirectoryInfo(path);
        stat = default;
        if (info.LinkTarget is null && !info.Exists)
            return false;
        var kind = info.LinkTarget is not null ? EntryKind.SymbolicLink : info is DirectoryInfo ? EntryKind.Directory : EntryKind.File;
        stat = new HostStat(kind, null, Timestamp.From(new DateTimeOffset(info.LastWriteTimeUtc)));
        return true;
    }

    public override bool TryMakeFolder(HostFolder parent, string name, MetadataChange metadata)
    {
        if (TryStat(parent, name, out _))
            return false;
        Directory.CreateDirectory(Combine(parent, name));
        return true;
    }

    public override HostFile? TryMakeFile(HostFolder folder, string name, MetadataChange metadata)
    {
        var path = Combine(folder, name);
        if (TryStat(folder, name, out _))
            return null;
        return new PortableFile(File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write), path);
    }

    public override bool TryMakeSymbolicLink(HostFolder folder, string name, string target, MetadataChange metadata)
    {
        if (TryStat(folder, name, out _))
            return false;
        File.CreateSymbolicLink(Combine(folder, name), target);
        return true;
    }

    public override bool TryMakeSpecial(HostFolder folder, string name, FileMetadata what, MetadataChange metadata) =>
        throw new UnsupportedFeatureException($"this host has no way to make a {what.Kind}");

    public override bool TryMakeHardLink(HostFolder folder, string name, HostFolder firstFolder, string firstName) =>
        throw new UnsupportedFeatureException("this host has no way to make hard links");

    public override void Rename(HostFolder folder, string name, string newName) =>
        File.Move(Combine(folder, name), Combine(folder, newName), overwrite: true);

    public override void Delete(HostFolder folder, string name) => File.Delete(Combine(folder, name));

    public override void SetFolderMetadata(HostFolder folder, MetadataChange metadata) =>
        Apply(new DirectoryInfo(folder.Parent is null ? _path : Combine(folder.Parent, folder.Name)), metadata);

    public override bool SetExtendedAttribute(HostFolder folder, string name, string key, byte[] value) => false;

    private static void Apply(FileSystemInfo info, MetadataChange metadata)
    {
        if (metadata.Created is { } created && OperatingSystem.IsWindows())
            info.CreationTimeUtc = created.ToDateTimeOffset().UtcDateTime;
        if (metadata.Accessed is { } accessed)
            info.LastAccessTimeUtc = accessed.ToDateTimeOffset().UtcDateTime;
        if (metadata.Modified is { } modified)
            info.LastWriteTimeUtc = modified.ToDateTimeOffset().UtcDateTime;
        if (metadata.Mode is { } mode && !OperatingSystem.IsWindows())
            info.UnixFileMode = (UnixFileMode)mode;
        if (metadata.DosAttributes is { } attributes && OperatingSystem.IsWindows())
            info.Attributes = attributes == DosAttributes.None ? FileAttributes.Normal : (FileAttributes)(int)attributes;
    }

    private string Combine(HostFolder folder, string name)
    {
        var names = new Stack<string>();
        for (var at = folder; at.Parent is not null; at = at.Parent)
            names.Push(at.Name);
        var path = _path;
        foreach (var next in names)
        {
            path = Path.Combine(path, next);
            if (new DirectoryInfo(path).LinkTarget is not null)
                throw new UnauthorizedAccessException($"{path} is a link, and nothing is written through it");
        }
        return Path.Combine(path, name);
    }

    private sealed class PortableFile(SafeFileHandle file, string path) : HostFile
    {
        private long _end;

        public override void Write(long offset, ReadOnlySpan<byte> data)
        {
            RandomAccess.Write(file, data, offset);
            _end = offset + data.Length;
        }

        public override void Complete(long length, MetadataChange metadata)
        {
            try
            {
                if (length != _end)
                    RandomAccess.SetLength(file, length);
            }
            catch (ArgumentOutOfRangeException e)
            {
                throw new IOException($"{path}: a file of {length} bytes is more than the host's filesystem holds", e);
            }
            file.Dispose();
            Apply(new FileInfo(path), metadata);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
        }
    }
}
