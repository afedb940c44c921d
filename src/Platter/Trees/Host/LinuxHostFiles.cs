using Microsoft.Win32.SafeHandles;
using Platter.Blocks;
using Platter.FileSystems;

namespace Platter.Trees.Host;

/// <summary>The Linux host's filesystem below a folder, by calls relative to open directories, none of which follows a link.</summary>
internal sealed class LinuxHostFiles : HostFiles
{
    /// <summary>Directories held open at a time; the others are opened again, name by name from the top.</summary>
    private const int MaxOpen = 256;

    private readonly string _path;
    private readonly int _top;
    private readonly bool _restoreOwner;
    private readonly Ownership _self = LinuxFiles.Self;
    private readonly Queue<HostFolder> _open = new();

    public LinuxHostFiles(string path, HostSinkOptions options)
    {
        _path = path;
        _top = LinuxFiles.Open(LinuxFiles.CurrentDirectory, path, LinuxFiles.ReadOnly | LinuxFiles.Directory);
        if (_top < 0)
            throw LinuxFiles.Failure(path, LinuxFiles.Error);
        _restoreOwner = options.RestoreOwner ?? LinuxFiles.IsRoot;
        // What ext4 with 256-byte inodes holds; XFS and btrfs hold more.
        var time = new TimeCapability(1, new Timestamp(int.MinValue), new Timestamp(15_032_385_535, 999_999_999));
        Capabilities = new Capabilities
        {
            Features = Features.HardLinks | Features.SymbolicLinks | Features.SparseFiles | Features.Mode | Features.ExtendedAttributes
                | (_restoreOwner ? Features.Owner : Features.None) | (options.RestoreSpecialFiles ? Features.DeviceNodes : Features.None),
            MaxNameLength = 255, NameUnit = NameUnit.Bytes, CaseSensitive = true, MaxFileLength = long.MaxValue,
            Modified = time, Accessed = time,
        };
    }

    public override Capabilities Capabilities { get; }
    public override Ownership? Self => _self;

    public override bool TryStat(HostFolder folder, string name, out HostStat stat)
    {
        if (!LinuxFiles.TryStat(Open(folder), name, out var found))
        {
            stat = default;
            return LinuxFiles.Error == LinuxFiles.NotFound ? false : throw Failure(folder, name);
        }
        stat = new HostStat(found.Kind, found.Identity, found.Modified.ToTimestamp());
        return true;
    }

    public override bool TryMakeFolder(HostFolder parent, string name, MetadataChange metadata) =>
        Made(LinuxFiles.MakeDirectory(Open(parent), name, metadata.Mode is null ? 0x1FFu : 0x1C0), parent, name);

    public override HostFile? TryMakeFile(HostFolder folder, string name, MetadataChange metadata)
    {
        const int permissions = 0x1FF, ownerOnly = 0x180;
        var isOwn = !_restoreOwner || ((metadata.UserId ?? _self.UserId) == _self.UserId && (metadata.GroupId ?? _self.GroupId) == _self.GroupId);
        var mode = isOwn && metadata.Mode is { } wanted && (wanted & ~permissions) == 0 ? wanted : -1;
        var file = LinuxFiles.Open(Open(folder), name, LinuxFiles.WriteOnly | LinuxFiles.Create | LinuxFiles.Exclusive | LinuxFiles.NoFollow,
            (uint)(metadata.Mode is null ? 0x1B6 : mode >= 0 ? mode : ownerOnly));
        if (!Made(file, folder, name))
            return null;
        var isAsWanted = mode >= 0 && (mode == folder.ModeOfNewFiles || IsAsWanted(file, mode));
        if (isAsWanted)
            folder.ModeOfNewFiles = mode;
        else if (mode >= 0)
            _ = LinuxFiles.SetMode(file, ownerOnly);
        return new LinuxFile(file, _path + folder.Path + "/" + name, _restoreOwner, isAsWanted);
    }

    // Others than the creator and his mask have a say: a folder's group, its default ACL, how it is mounted.
    private bool IsAsWanted(int file, int mode) => LinuxFiles.TryStat(file, "", out var found) && (found.Mode & 0xFFF) == mode && found.UserId == _self.UserId && found.GroupId == _self.GroupId;

    public override bool TryMakeSymbolicLink(HostFolder folder, string name, string target, MetadataChange metadata)
    {
        if (!Made(LinuxFiles.SymbolicLink(target, Open(folder), name), folder, name))
            return false;
        if (_restoreOwner && (metadata.UserId ?? metadata.GroupId) is not null)
            Check(LinuxFiles.SetOwner(Open(folder), name, metadata.UserId ?? uint.MaxValue, metadata.GroupId ?? uint.MaxValue), folder, name);
        // Not every filesystem keeps the times of links: then they have none to lose.
        _ = LinuxFiles.SetTimes(Open(folder), name, metadata.Accessed, metadata.Modified);
        return true;
    }

    public override bool TryMakeSpecial(HostFolder folder, string name, FileMetadata what, MetadataChange metadata)
    {
        var kind = what.Kind switch
        {
            EntryKind.CharacterDevice => 0x2000u,
            EntryKind.BlockDevice => 0x6000u,
            EntryKind.Fifo => 0x1000u,
            _ => 0xC000u,
        };
        if (!Made(LinuxFiles.MakeNode(Open(folder), name, kind | (uint)(metadata.Mode ?? 0x180), what.Device ?? default), folder, name))
            return false;
        if (_restoreOwner && (metadata.UserId ?? metadata.GroupId) is not null)
            Check(LinuxFiles.SetOwner(Open(folder), name, metadata.UserId ?? uint.MaxValue, metadata.GroupId ?? uint.MaxValue), folder, name);
        Check(LinuxFiles.SetTimes(Open(folder), name, metadata.Accessed, metadata.Modified), folder, name);
        return true;
    }

    public override bool TryMakeHardLink(HostFolder folder, string name, HostFolder firstFolder, string firstName)
    {
        // Both directories have to be open at once: opening one may close the other, but not at the first try after that.
        _ = Open(firstFolder);
        var target = Open(folder);
        return Made(LinuxFiles.Link(Open(firstFolder), firstName, target, name), folder, name);
    }

    public override void Rename(HostFolder folder, string name, string newName) => Check(LinuxFiles.Rename(Open(folder), name, newName), folder, newName);

    public override void Delete(HostFolder folder, string name) => Check(LinuxFiles.Remove(Open(folder), name), folder, name);

    public override void SetFolderMetadata(HostFolder folder, MetadataChange metadata)
    {
        var handle = Open(folder);
        if (_restoreOwner && (metadata.UserId ?? metadata.GroupId) is not null)
            Check(LinuxFiles.SetOwner(handle, "", metadata.UserId ?? uint.MaxValue, metadata.GroupId ?? uint.MaxValue), folder, "");
        if (metadata.Mode is { } mode)
            Check(LinuxFiles.SetMode(handle, (uint)mode), folder, "");
        Check(LinuxFiles.SetTimes(handle, "", metadata.Accessed, metadata.Modified), folder, "");
    }

    public override bool SetExtendedAttribute(HostFolder folder, string name, string key, byte[] value)
    {
        var file = LinuxFiles.Open(Open(folder), name, LinuxFiles.ReadOnly | LinuxFiles.NonBlocking | LinuxFiles.NoFollow);
        if (file < 0)
            return false;
        var result = LinuxFiles.SetAttribute(file, key, value);
        _ = LinuxFiles.Close(file);
        return result == 0;
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var folder in _open)
        {
            _ = LinuxFiles.Close(folder.Handle);
            folder.Handle = -1;
        }
        _open.Clear();
        _ = LinuxFiles.Close(_top);
        base.Dispose(disposing);
    }

    /// <summary>The open directory of a folder; opened name by name below the nearest one that is open.</summary>
    private int Open(HostFolder folder)
    {
        if (folder.Parent is null)
            return _top;
        if (folder.Handle >= 0)
            return folder.Handle;
        var way = new Stack<HostFolder>();
        var above = folder;
        for (; above.Parent is not null && above.Handle < 0; above = above.Parent)
            way.Push(above);
        var handle = above.Parent is null ? _top : above.Handle;
        foreach (var next in way)
        {
            handle = LinuxFiles.Open(handle, next.Name, LinuxFiles.ReadOnly | LinuxFiles.Directory | LinuxFiles.NoFollow);
            if (handle < 0)
                throw Failure(next, "");
            next.Handle = handle;
            _open.Enqueue(next);
            if (_open.Count > MaxOpen)
            {
                var oldest = _open.Dequeue();
                _ = LinuxFiles.Close(oldest.Handle);
                oldest.Handle = -1;
            }
        }
        return handle;
    }

    private bool Made(int result, HostFolder folder, string name)
    {
        if (result >= 0)
            return true;
        return LinuxFiles.Error == LinuxFiles.Exists ? false : throw Failure(folder, name);
    }

    private void Check(int result, HostFolder folder, string name)
    {
        if (result < 0)
            throw Failure(folder, name);
    }

    private Exception Failure(HostFolder folder, string name) =>
        LinuxFiles.Failure(_path + folder.Path + (name.Length == 0 ? "" : "/" + name), LinuxFiles.Error);

    private sealed class LinuxFile(int file, string path, bool restoreOwner, bool isAsWanted) : HostFile
    {
        private long _end;
        private bool _closed;

        public override void Write(long offset, ReadOnlySpan<byte> data)
        {
            while (!data.IsEmpty)
            {
                var n = LinuxFiles.WriteAt(file, offset, data);
                if (n < 0)
                    throw LinuxFiles.Failure(path, LinuxFiles.Error);
                offset += n;
                data = data[n..];
            }
            _end = offset;
        }

        protected override long Copy(long offset, HostExtent extent)
        {
            using var handle = new SafeFileHandle(file, ownsHandle: false);
            if (OperatingSystem.IsLinux())
                Blocks.LinuxFile.AllocateAhead(handle, offset, extent.Length);
            var copied = extent.CopyTo(handle, offset);
            _end = offset + copied;
            return copied;
        }

        public override void Complete(long length, MetadataChange metadata)
        {
            if (length != _end)
                Check(LinuxFiles.SetLength(file, length));
            // The owner before the mode: changing the owner takes set-user bits away.
            if (!isAsWanted && restoreOwner && (metadata.UserId ?? metadata.GroupId) is not null)
                Check(LinuxFiles.SetOwner(file, "", metadata.UserId ?? uint.MaxValue, metadata.GroupId ?? uint.MaxValue));
            if (!isAsWanted && metadata.Mode is { } mode)
                Check(LinuxFiles.SetMode(file, (uint)mode));
            if (metadata.Modified is not null || metadata.Accessed is not null)
                Check(LinuxFiles.SetTimes(file, "", metadata.Accessed, metadata.Modified));
        }

        private void Check(int result)
        {
            if (result < 0)
                throw LinuxFiles.Failure(path, LinuxFiles.Error);
        }

        protected override void Dispose(bool disposing)
        {
            if (_closed)
                return;
            _closed = true;
            _ = LinuxFiles.Close(file);
        }
    }
}
