using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>The superblock's counts and states as they change. The copies of it are left alone, as the kernel leaves them.</summary>
internal sealed class ExtSuperState(ExtEditState state, BlockDevice device)
{
    private bool _isMarked;

    /// <summary>Whether the superblock is to be written with the next commit.</summary>
    public bool IsChanged { get; set; }

    private ref ExtSuperblock Super => ref state.Geometry.EditSuper;

    /// <summary>Free clusters of the whole volume.</summary>
    public long FreeClusters
    {
        get => ((state.Geometry.Has(ExtIncompat.Bit64) ? (long)(uint)Super.FreeBlocksHi << 32 : 0) | (uint)Super.FreeBlocksLo) / state.Geometry.ClusterRatio;
        set
        {
            var blocks = value * state.Geometry.ClusterRatio;
            Super.FreeBlocksLo = (uint)blocks;
            if (state.Geometry.Has(ExtIncompat.Bit64))
                Super.FreeBlocksHi = (uint)(blocks >> 32);
        }
    }

    public uint FreeInodes
    {
        get => Super.FreeInodes;
        set => Super.FreeInodes = value;
    }

    /// <summary>The label; not longer than its field.</summary>
    public void SetLabel(ReadOnlySpan<byte> label)
    {
        Span<byte> field = Super.VolumeName;
        field.Clear();
        label.CopyTo(field);
    }

    /// <summary>Counts blocks (or, negative, no longer) among those that no file can ever have, when they were ever counted: drivers take them off the size.</summary>
    public void AddOverhead(long blocks)
    {
        var ratio = state.Geometry.ClusterRatio;
        if (Super.OverheadBlocks != 0)
            Super.OverheadBlocks = (uint)Math.Max(1, Super.OverheadBlocks + Math.Sign(blocks) * ((Math.Abs(blocks) + ratio - 1) / ratio));
    }

    /// <summary>Marks the volume as being changed, before anything else reaches a device that keeps nothing to go back to.</summary>
    public void Mark()
    {
        if (_isMarked || device.CanRollback || (Super.State.Value & ExtState.Valid) == 0)
            return;
        _isMarked = true;
        Super.State.Value = (ushort)(Super.State.Value & ~ExtState.Valid);
        WriteBytes();
        device.Flush();
    }

    /// <summary>Writes the superblock: the volume is as sound as it was found.</summary>
    public void Write()
    {
        if (_isMarked)
        {
            device.Flush();
            Super.State.Value = (ushort)(Super.State.Value | ExtState.Valid);
            _isMarked = false;
        }
        var now = Math.Max(0, state.Now.UnixSeconds);
        Super.WriteTime = (uint)now;
        Super.WriteTimeHi = (byte)Math.Min(now >> 32, byte.MaxValue);
        Super.KbytesWritten = Super.KbytesWritten + (ulong)(state.Changes.WrittenBytes >> 10);
        WriteBytes();
        IsChanged = false;
    }

    private void WriteBytes()
    {
        if ((Super.RoCompat.Value & ExtRoCompat.MetadataChecksum) != 0)
            Super.Checksum = ExtChecksums.OfSuper(state.Geometry.SuperBytes);
        device.Write(ExtSuperblock.Offset, state.Geometry.SuperBytes);
    }
}
