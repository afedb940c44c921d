using Platter.FileSystems;

namespace Platter.Testing.Volumes;

public sealed partial class MemoryVolume
{
    /// <summary>An open stream. It looks its content up at each call, so every stream of a node sees the same bytes.</summary>
    private sealed class MemoryStreamView : VolumeStream
    {
        private readonly MemoryVolume _volume;
        private readonly NodeId _id;
        private readonly StreamName _stream;
        private readonly bool _canWrite;
        private bool _open = true;

        public MemoryStreamView(MemoryVolume volume, NodeId id, StreamName stream, bool canWrite)
        {
            (_volume, _id, _stream, _canWrite) = (volume, id, stream, canWrite);
            volume._openStreams[id] = volume._openStreams.GetValueOrDefault(id) + 1;
        }

        public override bool CanWrite => _canWrite;
        public override long Length => Content.Length;

        private MemoryContent Content => _open ? _volume.NodeOf(_id).Streams[_stream] : throw new ObjectDisposedException("stream");

        public override int ReadAt(long offset, Span<byte> buffer) => Content.Read(offset, buffer);

        public override void WriteAt(long offset, ReadOnlySpan<byte> data)
        {
            if (!_canWrite)
                base.WriteAt(offset, data);
            if (data.IsEmpty)
                return;
            if (offset + data.Length > Length)
                _volume.Resize(_volume.NodeOf(_id), _stream, offset + data.Length);
            Content.Write(offset, data);
            Touch();
        }

        public override void SetLength(long value)
        {
            if (!_canWrite)
                base.SetLength(value);
            _volume.Resize(_volume.NodeOf(_id), _stream, value);
            Touch();
        }

        public override void Reserve(long length)
        {
            if (length > _volume._options.MaxFileLength)
                throw _volume.TooLong(length);
            var clusters = _volume.ClustersFor(length) - _volume.ClustersFor(Length);
            if (clusters > _volume.FreeClusters)
                throw new VolumeFullException("bytes", clusters * _volume._options.ClusterSize, _volume.FreeBytes);
        }

        protected override void Dispose(bool disposing)
        {
            if (_open && _volume._openStreams.TryGetValue(_id, out var count))
                _volume._openStreams[_id] = count - 1;
            _open = false;
            base.Dispose(disposing);
        }

        private void Touch()
        {
            var node = _volume.NodeOf(_id);
            node.Metadata = node.Metadata with { Modified = _volume.Now(_volume._options.Modified) };
            _volume._uncommitted += 64;
        }
    }
}
