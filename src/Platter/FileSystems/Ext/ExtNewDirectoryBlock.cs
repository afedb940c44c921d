using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>A block of a directory on a volume that is being made: entries one after another, the last one over all that is left.</summary>
internal sealed class ExtNewDirectoryBlock
{
    private readonly ExtNewVolume _volume;
    private readonly uint _inode;
    private readonly byte[] _bytes;
    private readonly int _end;
    private int _last, _next;

    public ExtNewDirectoryBlock(ExtNewVolume volume, uint inode)
    {
        _volume = volume;
        _inode = inode;
        _bytes = new byte[volume.Geometry.BlockSize];
        _end = _bytes.Length - (volume.Checksums.IsOn ? ExtDirectoryTail.Size : 0);
    }

    public void AddSelfAndParent(uint self, uint parent)
    {
        Add(self, "."u8);
        Add(parent, ".."u8);
    }

    /// <summary>Adds a directory; inode 0 adds a free entry.</summary>
    public void Add(uint inode, ReadOnlySpan<byte> name)
    {
        if (_next > 0)
            OnDisk.Edit<ExtDirectoryEntryHead>(_bytes, _last).RecordLength = (ushort)(_next - _last);
        ref var head = ref OnDisk.Edit<ExtDirectoryEntryHead>(_bytes, _next);
        head.Inode = inode;
        head.NameLength = (byte)name.Length;
        head.FileType = (byte)(inode != 0 && _volume.Geometry.Has(ExtIncompat.Filetype) ? ExtFileType.Directory : ExtFileType.Unknown);
        name.CopyTo(_bytes.AsSpan(_next + ExtDirectoryEntryHead.Size));
        _last = _next;
        _next += (ExtDirectoryEntryHead.Size + name.Length + 3) & ~3;
    }

    /// <summary>The block, complete.</summary>
    public ReadOnlySpan<byte> Seal()
    {
        var length = _end - _last;
        OnDisk.Edit<ExtDirectoryEntryHead>(_bytes, _last).RecordLength = (ushort)(length == 65536 ? ushort.MaxValue : length);
        if (_volume.Checksums.IsOn)
        {
            ref var tail = ref OnDisk.Edit<ExtDirectoryTail>(_bytes, _end);
            tail.RecordLength = ExtDirectoryTail.Size;
            tail.FileType = ExtDirectoryEntryHead.ChecksumType;
            tail.Checksum = ExtChecksums.OfDirectoryBlock(_volume.Checksums.InodeSeed(_inode, 0), _bytes);
        }
        return _bytes;
    }
}
